/** The records of dead letters, as they are or as they were put right. */
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { InputIssue } from "../json/InputIssue.ts"
import type { CustomerRecord, RecordInput, Row } from "../sync/model/CustomerRecord.ts"
import * as Transcoding from "./bytes/Transcoding.ts"
import * as CsvHeader from "./csv/CsvHeader.ts"
import * as CsvReader from "./csv/CsvReader.ts"
import * as Counts from "./mapping/Counts.ts"
import * as MappedCells from "./mapping/MappedCells.ts"
import * as MappedDecoder from "./mapping/MappedDecoder.ts"
import * as MappedJson from "./mapping/MappedJson.ts"
import type { Mapping } from "./mapping/Model.ts"
import * as Plain from "./mapping/Plain.ts"
import type { RowMapper } from "./mapping/RowMapper.ts"
import * as NdjsonReader from "./ndjson/NdjsonReader.ts"
import * as RowsAgain from "./RowsAgain.ts"
import * as BadRows from "./read/BadRows.ts"
import * as Cells from "./read/Cells.ts"
import type * as FieldNames from "./read/FieldNames.ts"
import { ReadNotes } from "./read/ReadNotes.ts"
import * as RecordDecoder from "./read/RecordDecoder.ts"
import type * as Suspicious from "./read/Suspicious.ts"
import * as Utf8 from "./read/Utf8.ts"

type Input<Format extends RecordInput["format"]> = Extract<RecordInput, { readonly format: Format }>

/** How names of a source become fields, and what each record is decoded by. */
interface Naming<A> {
  /** What a header says, under the columns that the letter has. */
  readonly resolve: (header: ReadonlyArray<string>, columns: FieldNames.Columns) => CsvHeader.Resolved
  readonly decoder: RecordDecoder.RecordDecoder<A>
  /** Of cells that a letter has by the names of fields. */
  readonly cells: (input: Input<"cells">, offset: number) => CustomerRecord<A>
  readonly mapped: MappedJson.MappedJson<A> | undefined
}

/**
 * Reads the record of a letter, given its row, where it has one, and its position among the letters. To be made once for many letters. Rows and lines are
 * read through the mapping, and what has the names of fields by the schema that it maps onto.
 */
export const make = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  options:
    | {
        readonly empty?: Cells.Empty
        readonly otherColumns?: "refuse" | "ignore" | undefined
        readonly encoding?: string | undefined
        readonly allowSuspicious?: ReadonlyArray<Suspicious.Check> | undefined
      }
    | undefined,
  mapping:
    | { readonly mapping: Mapping; readonly mapper: RowMapper; readonly to: Schema.ConstraintDecoder<unknown> }
    | undefined,
  notes: ReadNotes = new ReadNotes()
): ((input: RecordInput, row: Row | undefined, offset: number) => CustomerRecord<S["Type"]>) => {
  const to = mapping?.to ?? schema
  const fields = Cells.fields(to.ast)
  const { allowSuspicious, encoding } = options ?? {}
  // What a mapping is made with is the schema of what it makes.
  const decoder = RecordDecoder.make(to, { allowSuspicious, notes }) as RecordDecoder.RecordDecoder<S["Type"]>
  const otherColumns = options?.otherColumns ?? mapping?.mapping.otherColumns
  const settings = { fields, otherColumns, decoder }
  const readJson = NdjsonReader.value({ ...settings, columns: undefined })

  const json = (value: unknown, issues: ReadonlyArray<InputIssue>, offset: number): CustomerRecord<S["Type"]> =>
    readJson({ value, issues }, undefined, offset, offset + 1, undefined)

  const plain = mapping && Plain.of(mapping, "csv")
  const empty = options?.empty ?? plain?.empty
  const naming: Naming<S["Type"]> =
    mapping === undefined || plain !== undefined
      ? {
          resolve: (header, columns) =>
            CsvHeader.resolve(header, fields, { columns, empty, otherColumns: "ignore", isStrict: true }),
          decoder,
          mapped: mapping && MappedJson.of(mapping.mapper, decoder, Counts.make()),
          cells: ({ value }, offset) =>
            json(Cells.readAll(fields, value, empty), Cells.issuesOfAll(fields, value), offset)
        }
      : throughMapping(mapping.mapper, decoder)

  const csv = (input: Input<"csv">, offset: number): CustomerRecord<S["Type"]> => {
    const { columns, delimiter, header, value } = input
    const { decoder, resolve } = naming
    const malformed = (message: string) => RecordDecoder.malformed(message, input, offset, offset + 1, undefined)
    const resolved = resolve(header, columns)
    if (resolved.issues.length > 0) return malformed(resolved.issues.map(({ message }) => message).join(" "))
    const unnamed = otherColumns === "ignore" ? [] : [...header.keys()].filter((index) => header[index] === "")
    const readBy = <A>(decoder: RecordDecoder.RecordDecoder<A>) => {
      const reader = CsvReader.records(
        {
          source: "",
          delimiter,
          maxRecordSize: value.length,
          strictHeader: true,
          strictRows: false,
          skipLines: 0,
          untilBlankLine: false,
          countsRows: false,
          mappedNames: new Set(),
          columns,
          resolve: () => resolved,
          decoder,
          notes,
          encoding: undefined,
          badRows: BadRows.make("", undefined),
          firstOffset: undefined,
          from: undefined
        },
        { ...resolved, unnamed, delimiter, width: header.length, names: header, end: 0, endLine: 1 }
      )
      // Without a line break behind it: a row that still lacks cells may be one that was cut off.
      reader.window.push(value, Utf8.byteLength(value), true, Utf8.escapeIn(value) !== -1)
      return reader.read()
    }
    const [record, ...more] = readBy(decoder)
    if (record === undefined || more.length > 0)
      return malformed(`It holds ${more.length === 0 ? "no row" : "more than one row"}`)
    const place = { offset, line: offset + 1, position: undefined }
    const [{ row } = record] = readBy(RowsAgain.decoder)
    return { ...record, ...place, row }
  }

  // A row that was not UTF-8 holds its bytes, so that it can be put right by naming what it is.
  const textOf = (value: string): string => {
    if (encoding === undefined || Utf8.escapeIn(value) === -1) return value
    return Option.getOrElse(Transcoding.text(encoding, Utf8.encode(value)), () => value)
  }

  const read = (input: RecordInput, offset: number): CustomerRecord<S["Type"]> => {
    switch (input.format) {
      case "cells":
        return naming.cells(input, offset)
      case "json":
        return json(input.value, [], offset)
      case "csv":
        return csv({ ...input, value: textOf(input.value) }, offset)
      case "ndjson": {
        const { columns } = input
        const mapped = columns === undefined ? naming.mapped : undefined
        return NdjsonReader.line({ ...settings, columns, mapped })(textOf(input.value), offset, offset + 1, undefined)
      }
    }
  }

  return (input, row, offset) => {
    const record = read(input, offset)
    // A letter about a letter has the row of the source.
    const known = row ?? record.row ?? (input.format === "ndjson" ? { line: input.value } : undefined)
    const { row: _, ...rest } = record._tag === "Invalid" ? { ...record, input } : record
    return known === undefined ? rest : { ...rest, row: known }
  }
}

const throughMapping = <A>(mapper: RowMapper, to: RecordDecoder.RecordDecoder<A>): Naming<A> => {
  const { columns, fields, toldByNothing } = MappedCells.of(mapper)
  const decoder = MappedDecoder.make(mapper.fromCells, mapper, to, Counts.make())
  return {
    resolve: (header, columns) =>
      MappedCells.resolved(
        CsvHeader.resolve(header, fields, { columns, empty: "text", otherColumns: "ignore", isStrict: true }),
        undefined,
        toldByNothing
      ),
    decoder,
    mapped: MappedJson.of(mapper, to, Counts.make()),
    cells: (input, offset) => {
      const { value } = input
      const line = offset + 1
      // What an earlier mapping did not read is not there, and would be lost without a word.
      const missing = Object.keys(columns).filter((key) => !Object.hasOwn(value, key))
      if (missing.length > 0) {
        const message = `It has no cell for ${missing.join(", ")}: it was written under another mapping. Add what is missing, or send it as JSON by the names of fields`
        return RecordDecoder.malformed(message, input, offset, line, undefined)
      }
      const exit = decoder.decode(value)
      if (exit === RecordDecoder.skipped) return RecordDecoder.leftOut(offset, line, undefined)
      if (Exit.isFailure(exit)) return RecordDecoder.mismatch(decoder.issues(value), input, offset, line, undefined)
      // Where it stands in this file is no line of the source.
      const spoiled = decoder.look(exit.value, undefined)
      return spoiled === undefined
        ? { _tag: "Valid", offset, line, position: undefined, patch: exit.value }
        : RecordDecoder.suspicious(spoiled, input, offset, line, undefined)
    }
  }
}
