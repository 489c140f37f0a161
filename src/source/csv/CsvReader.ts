/** CSV as customers: the header, and the rows below it. */
import * as Exit from "effect/Exit"
import type { CustomerRecord } from "../../sync/model/CustomerRecord.ts"
import * as BadRows from "../read/BadRows.ts"
import type { Reader } from "../read/ByteBlocks.ts"
import * as CsvCells from "../read/CsvCells.ts"
import { InvalidHeader, type InvalidUtf8 } from "../read/CustomerFileError.ts"
import * as FieldNames from "../read/FieldNames.ts"
import * as FilePlace from "../read/FilePlace.ts"
import type { ReadNotes } from "../read/ReadNotes.ts"
import { leftOut, malformed, mismatch, type RecordDecoder, skipped, suspicious } from "../read/RecordDecoder.ts"
import { TextWindow } from "../read/TextWindow.ts"
import { CsvRows } from "./CsvRows.ts"
import * as CsvTop from "./CsvTop.ts"

export type Header = CsvTop.Header

/** How the rows of one source are read. */
export interface Settings<A> extends CsvTop.Settings {
  /** Field to the name of its column, where that is another. */
  readonly columns: FieldNames.Columns
  readonly decoder: RecordDecoder<A>
  /** The name of its encoding, where one was given. */
  readonly encoding: string | undefined
  /** Of one reading of the source. */
  readonly badRows: BadRows.BadRows
  readonly notes: ReadNotes
  /** The offset of the source's first row, where that is known. */
  readonly firstOffset: number | undefined
  /** Where to go on below the header. */
  readonly from: FilePlace.FilePosition | undefined
}

/** Finds the header, and nothing else. */
export const header = <A>(settings: Settings<A>): Reader<Header> => {
  const window = new TextWindow(FilePlace.top, settings.maxRecordSize, true)
  const read = CsvTop.reader(window, settings)
  return {
    startsAt: 0,
    window,
    read: () => {
      const found = read()
      window.pause()
      return found === undefined ? [] : [found]
    }
  }
}

export interface RecordReader<A> extends Reader<CustomerRecord<A>> {
  /** Once it is known. */
  readonly header: Header | undefined
}

/** Reads the rows; the header first, unless it is given. */
export const records = <A>(settings: Settings<A>, given?: Header | undefined): RecordReader<A> => {
  const { from, maxRecordSize } = settings
  const start = given === undefined ? FilePlace.top : (from ?? FilePlace.top)
  let window = new TextWindow(start, maxRecordSize, true)
  let startsAt = start.place.byte
  const readTop = CsvTop.reader(window, settings)
  let failure: InvalidUtf8 | undefined
  const fail = (error: InvalidUtf8) => {
    failure = error
  }
  let header = given
  let readRows =
    header && rowReader(settings, header, window, from?.place.byte === 0 ? from.offset : start.offset, fail)

  return {
    get startsAt() {
      return startsAt
    },
    get window() {
      return window
    },
    get header() {
      return header
    },
    get failure() {
      return failure
    },
    read: () => {
      if (readRows === undefined) {
        header = readTop()
        if (header === undefined) {
          window.pause()
          return []
        }
        if (from !== undefined && from.place.byte > window.byteAt()) {
          startsAt = from.place.byte
          window = new TextWindow(from, maxRecordSize, true)
          readRows = rowReader(settings, header, window, from.offset, fail)
          return []
        }
        readRows = rowReader(settings, header, window, from?.place.byte === 0 ? from.offset : 0, fail)
      }
      const out = readRows()
      window.pause()
      return out
    }
  }
}

/** Reads the rows that a window has, of which the first has this offset. */
const rowReader = <A>(
  settings: Settings<A>,
  header: Header,
  window: TextWindow,
  first: number,
  onFailure: (error: InvalidUtf8) => void
): (() => Array<CustomerRecord<A>>) => {
  const { badRows, encoding, firstOffset, notes, source } = settings
  const { columns, delimiter, names, unnamed, width } = header
  const { decode, issues, look } = settings.decoder
  const firstName = names[0]?.trim()
  const kept = { header: names, delimiter, ...FieldNames.kept({ ...settings.columns, ...namesOf(header) }) }
  const rows = new CsvRows(window, { ...settings, delimiter })
  const { cells } = rows
  let offset = first
  rows.columns = width
  rows.begun = firstOffset === undefined ? window.byte > header.end : first > firstOffset
  notes.renamed(header.renamed)
  // A row that is as wide is not looked at again, unless some column must be empty.
  const usualWidth = unnamed.length > 0 ? Number.POSITIVE_INFINITY : width

  /** Why a row of as many cells as the header is none of the table's after all. */
  const problemOf = (): string | undefined => {
    const index = unnamed.find((index) => cells[index]?.trim() !== "")
    if (index !== undefined) {
      const problem = `Column ${index + 1} has no name, and is not empty on line ${rows.line}`
      // Where the first row has something there, the others will.
      if (offset === 0)
        throw new InvalidHeader({ source, issues: [{ kind: "Unknown", message: `${problem}. ${advice}` }] })
      return `${problem}. ${advice}`
    }
    if (rows.width >= width) return undefined
    const deleted = columns.find(({ empty, index, lacking = empty }) => index >= rows.width && lacking !== "absent")
    if (deleted !== undefined) {
      return `The row has ${rows.width} cells, the header ${width}, and an empty ${deleted.field} means something here`
    }
    notes.shortRow(rows.line)
    return undefined
  }

  return () => {
    rows.refresh()
    const out: Array<CustomerRecord<A>> = []
    let position: FilePlace.FilePosition | undefined
    for (;;) {
      // The window is at the start of a row, or of the blank lines before it, whenever this is reached first.
      // Before the first row, going on starts behind the header: blank lines that were passed already end no table.
      position ??= rows.begun
        ? FilePlace.at(settings.from, window.byteAt(), offset, window.line)
        : FilePlace.at(settings.from, header.end, offset, header.endLine)
      const step = rows.next()
      if (step === "more") {
        if (window.isFollowed && rows.endedAt !== undefined) notes.belowTable(rows.endedAt)
        return out
      }
      const { line } = rows
      if (step === "bad") {
        const place = rows.escapeAt === -1 ? undefined : BadRows.placeOf(rows.badLine, rows.escapeAt, line)
        const problem = place === undefined ? rows.problem : BadRows.problem(place, encoding)
        const failure = place && badRows.note(offset, place)
        out.push(malformed(problem, { format: "csv", value: rows.badLine, ...kept }, offset++, line, position))
        if (failure === undefined) continue
        onFailure(failure)
        return out
      }
      if (cells[0]?.trim() === firstName && isHeader(cells, names)) {
        notes.repeatedHeader(line)
        continue
      }
      if (rows.width < usualWidth) {
        const problem = problemOf()
        if (problem !== undefined) {
          out.push(malformed(problem, { format: "csv", value: rows.rowText(), ...kept }, offset++, line, position))
          continue
        }
      }
      const encoded = CsvCells.encode(columns, cells)
      const exit = decode(encoded)
      if (exit === skipped) {
        out.push(leftOut(offset++, line, position))
        continue
      }
      if (Exit.isFailure(exit)) {
        const found = issues(encoded, CsvCells.issues(columns, cells))
        const rejected = mismatch(found, CsvCells.input(columns, cells), offset++, line, position)
        out.push({ ...rejected, row: CsvCells.row(names, cells) })
        continue
      }
      const spoiled = look(exit.value, line)
      out.push(
        spoiled === undefined
          ? { _tag: "Valid", offset: offset++, line, position, patch: exit.value }
          : {
              ...suspicious(spoiled, CsvCells.input(columns, cells), offset++, line, position),
              row: CsvCells.row(names, cells)
            }
      )
    }
  }
}

const isHeader = (cells: ReadonlyArray<string>, names: ReadonlyArray<string>): boolean =>
  names.every((name, index) => cells[index]?.trim() === name.trim())

/** Field to name, of the columns that were taken for fields. */
const namesOf = ({ renamed }: Header): { readonly [field: string]: string } =>
  Object.fromEntries(renamed.map(({ field, name }) => [field, name]))

const advice = 'Name it, take it out, or leave such columns out with otherColumns: "ignore".'
