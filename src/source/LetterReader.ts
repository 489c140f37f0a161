/** The records of dead letters, as they are or as they were put right. */
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { InputIssue } from "../json/InputIssue.ts"
import type { CustomerRecord, RecordInput, Row } from "../sync/model/CustomerRecord.ts"
import * as Transcoding from "./bytes/Transcoding.ts"
import * as CsvHeader from "./csv/CsvHeader.ts"
import * as CsvReader from "./csv/CsvReader.ts"
import * as NdjsonReader from "./ndjson/NdjsonReader.ts"
import * as RowsAgain from "./RowsAgain.ts"
import * as BadRows from "./read/BadRows.ts"
import * as Cells from "./read/Cells.ts"
import { ReadNotes } from "./read/ReadNotes.ts"
import * as RecordDecoder from "./read/RecordDecoder.ts"
import type * as Suspicious from "./read/Suspicious.ts"
import * as Utf8 from "./read/Utf8.ts"

type Input<Format extends RecordInput["format"]> = Extract<RecordInput, { readonly format: Format }>

/** Reads the record of a letter, given its row, where it has one, and its position among the letters. To be made once for many letters. */
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
  notes: ReadNotes = new ReadNotes()
): ((input: RecordInput, row: Row | undefined, offset: number) => CustomerRecord<S["Type"]>) => {
  const fields = Cells.fields(schema.ast)
  const { allowSuspicious, empty, encoding, otherColumns } = options ?? {}
  const decoder = RecordDecoder.make(schema, { allowSuspicious, notes })
  const settings = { fields, otherColumns, decoder }
  const readJson = NdjsonReader.value({ ...settings, columns: undefined })

  const json = (value: unknown, issues: ReadonlyArray<InputIssue>, offset: number): CustomerRecord<S["Type"]> =>
    readJson({ value, issues }, undefined, offset, offset + 1, undefined)

  const csv = (input: Input<"csv">, offset: number): CustomerRecord<S["Type"]> => {
    const { columns, delimiter, header, value } = input
    const malformed = (message: string) => RecordDecoder.malformed(message, input, offset, offset + 1, undefined)
    const resolved = CsvHeader.resolve(header, fields, { columns, empty, otherColumns: "ignore", isStrict: true })
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
        return json(Cells.readAll(fields, input.value, empty), Cells.issuesOfAll(fields, input.value), offset)
      case "json":
        return json(input.value, [], offset)
      case "csv":
        return csv({ ...input, value: textOf(input.value) }, offset)
      case "ndjson":
        return NdjsonReader.line({ ...settings, columns: input.columns })(
          textOf(input.value),
          offset,
          offset + 1,
          undefined
        )
    }
  }

  return (input, row, offset) => {
    const record = read(input, offset)
    // A letter about a letter has the row of the source.
    const known = row ?? record.row ?? (input.format === "ndjson" ? { line: input.value } : undefined)
    const { row: _, ...rest } = record._tag === "Valid" ? record : { ...record, input }
    return known === undefined ? rest : { ...rest, row: known }
  }
}
