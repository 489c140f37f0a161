/** CSV as customers: the header, and the rows below it. */
import * as Exit from "effect/Exit"
import type { CustomerRecord } from "../../sync/model/CustomerRecord.ts"
import * as BadRows from "../read/BadRows.ts"
import type { Reader } from "../read/ByteBlocks.ts"
import type { Column } from "../read/Cells.ts"
import * as CsvCells from "../read/CsvCells.ts"
import { type HeaderIssue, InvalidHeader, type InvalidUtf8 } from "../read/CustomerFileError.ts"
import * as FieldNames from "../read/FieldNames.ts"
import * as FilePlace from "../read/FilePlace.ts"
import { malformed, mismatch, type RecordDecoder } from "../read/RecordDecoder.ts"
import { TextWindow } from "../read/TextWindow.ts"
import { CsvRows } from "./CsvRows.ts"

/** A header that has been understood. */
export interface Header {
  /** How many cells each row must have. */
  readonly width: number
  readonly columns: ReadonlyArray<Column>
  /** The names that it has. */
  readonly names: ReadonlyArray<string>
}

/** How the rows of one source are read. */
export interface Settings<A> {
  readonly source: string
  readonly delimiter: string
  /** Characters. */
  readonly maxRecordSize: number
  /** Field to the name of its column, where that is another. */
  readonly columns: FieldNames.Columns
  readonly resolve: (header: ReadonlyArray<string>) => {
    readonly columns: ReadonlyArray<Column>
    readonly issues: ReadonlyArray<HeaderIssue>
  }
  readonly decoder: RecordDecoder<A>
  /** The name of its encoding, where one was given. */
  readonly encoding: string | undefined
  /** Of one reading of the source. */
  readonly badRows: BadRows.BadRows
  /** Where to go on below the header. */
  readonly from: FilePlace.FilePosition | undefined
}

/** Finds the header, and nothing else. */
export const header = <A>(settings: Settings<A>): Reader<Header> => {
  const window = new TextWindow(FilePlace.top, settings.maxRecordSize, true)
  const rows = new CsvRows(window, settings.delimiter, settings.maxRecordSize)
  return {
    startsAt: 0,
    window,
    read: () => {
      rows.refresh()
      const found = readHeader(rows, settings)
      window.pause()
      return found === undefined ? [] : [found]
    }
  }
}

const readHeader = <A>(rows: CsvRows, { badRows, resolve, source }: Settings<A>): Header | undefined => {
  const invalid = (issues: ReadonlyArray<HeaderIssue>) => new InvalidHeader({ source, issues })
  switch (rows.next()) {
    case "row": {
      const names = rows.cells.slice(0, rows.width)
      const { columns, issues } = resolve(names)
      if (issues.length > 0) throw invalid(issues)
      return { width: rows.width, columns, names }
    }
    case "bad":
      if (rows.escapeAt !== -1) throw badRows.header(BadRows.placeOf(rows.badLine, rows.escapeAt, rows.line))
      throw invalid([{ kind: "Malformed", message: `Line ${rows.line}: ${rows.problem}.` }])
    case "more":
      // The end of the source too: without a row it holds no records, as an NDJSON without a line.
      return undefined
  }
}

export interface RecordReader<A> extends Reader<CustomerRecord<A>> {
  /** Once it is known. */
  readonly header: Header | undefined
}

/** Reads the rows; the header first, unless it is given. */
export const records = <A>(settings: Settings<A>, given?: Header | undefined): RecordReader<A> => {
  const { delimiter, from, maxRecordSize } = settings
  const mapped = FieldNames.kept(settings.columns)
  let failure: InvalidUtf8 | undefined
  let header = given
  let start = header === undefined ? FilePlace.top : (from ?? FilePlace.top)
  let offset = from?.place.byte === 0 ? from.offset : start.offset
  let window = new TextWindow(start, maxRecordSize, true)
  let rows = new CsvRows(window, delimiter, maxRecordSize)

  const readRows = ({ columns, names, width }: Header): Array<CustomerRecord<A>> => {
    const { decode, issues } = settings.decoder
    const { cells } = rows
    const out: Array<CustomerRecord<A>> = []
    let position: FilePlace.FilePosition | undefined
    rows.columns = width
    for (;;) {
      // The window is at the start of a row, or of the blank lines before it, whenever this is reached first.
      position ??= FilePlace.at(from, window.byteAt(), offset, window.line)
      const step = rows.next()
      if (step === "more") return out
      if (step === "bad") {
        const input = { format: "csv", value: rows.badLine, header: names, delimiter, ...mapped } as const
        if (rows.escapeAt === -1) {
          out.push(malformed(rows.problem, input, offset++, rows.line, position))
          continue
        }
        const place = BadRows.placeOf(rows.badLine, rows.escapeAt, rows.line)
        failure = settings.badRows.note(offset, place)
        out.push(malformed(BadRows.problem(place, settings.encoding), input, offset++, rows.line, position))
        if (failure !== undefined) return out
        continue
      }
      const encoded = CsvCells.encode(columns, cells)
      const exit = decode(encoded)
      out.push(
        Exit.isSuccess(exit)
          ? { _tag: "Valid", offset: offset++, line: rows.line, position, patch: exit.value }
          : {
              ...mismatch(
                issues(encoded, CsvCells.issues(columns, cells)),
                CsvCells.input(columns, cells),
                offset++,
                rows.line,
                position
              ),
              row: CsvCells.row(names, cells)
            }
      )
    }
  }

  return {
    get startsAt() {
      return start.place.byte
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
      rows.refresh()
      if (header === undefined) {
        header = readHeader(rows, settings)
        if (header !== undefined && from !== undefined && from.place.byte > window.byteAt()) {
          start = from
          offset = from.offset
          window = new TextWindow(from, maxRecordSize, true)
          rows = new CsvRows(window, delimiter, maxRecordSize)
          return []
        }
      }
      const out = header === undefined ? [] : readRows(header)
      window.pause()
      return out
    }
  }
}
