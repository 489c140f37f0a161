/** NDJSON as customers: one JSON object a line. */
import * as Exit from "effect/Exit"
import type { InputIssue } from "../../json/InputIssue.ts"
import * as JsonDepth from "../../json/JsonDepth.ts"
import * as JsonText from "../../json/JsonText.ts"
import type { CustomerRecord, RecordInput, SourcePosition } from "../../sync/model/CustomerRecord.ts"
import type { SourceNote } from "../../sync/record/SourceNote.ts"
import type { MappedJson } from "../mapping/MappedJson.ts"
import * as BadRows from "../read/BadRows.ts"
import type { Reader } from "../read/ByteBlocks.ts"
import * as Cells from "../read/Cells.ts"
import { type InvalidUtf8, NamesMissing, NotNdjson } from "../read/CustomerFileError.ts"
import * as FieldNames from "../read/FieldNames.ts"
import * as FilePlace from "../read/FilePlace.ts"
import type { ReadNotes } from "../read/ReadNotes.ts"
import { leftOut, malformed, mismatch, type RecordDecoder, skipped, suspicious } from "../read/RecordDecoder.ts"
import type { RecordTexts } from "../read/RecordTexts.ts"
import { TextWindow } from "../read/TextWindow.ts"
import * as Utf8 from "../read/Utf8.ts"
import * as WantedNames from "../read/WantedNames.ts"
import { NdjsonLines } from "./NdjsonLines.ts"

/** How a line is read. */
export interface LineSettings<A> {
  readonly fields: Cells.Fields
  /** Field to the name that it has in the source. */
  readonly columns: FieldNames.Columns
  readonly otherColumns: "refuse" | "ignore" | undefined
  readonly decoder: RecordDecoder<A>
  /** The name of the encoding, where one was given. */
  readonly encoding?: string | undefined
  /** How the names of the source become fields, where that is more than other names. */
  readonly mapped?: MappedJson<A> | undefined
  /** What messages call the text of a record. Default: a line. */
  readonly called?: "line" | "element" | undefined
}

/** How the lines of one source are read. */
export interface Settings<A> extends LineSettings<A> {
  readonly source: string
  /** Characters. */
  readonly maxRecordSize: number
  /** The names that no line had so far; `undefined` where reading starts below the first line. */
  readonly wanted: WantedNames.WantedNames | undefined
  /** Of one reading of the source. */
  readonly badRows: BadRows.BadRows
  /** What the decoder finds to tell. */
  readonly notes: ReadNotes
  /** The offset of the source's first line, where that is read. */
  readonly firstOffset: number | undefined
  readonly from: FilePlace.FilePosition | undefined
  /** Finds the texts of records. Default: the lines. */
  readonly texts?: ((window: TextWindow) => RecordTexts) | undefined
}

/** A record out of a JSON value; `text` is the line that it stands on. */
export type ReadValue<A> = (
  read: JsonText.JsonText,
  text: string | undefined,
  offset: number,
  line: number,
  position: SourcePosition | undefined
) => CustomerRecord<A>

/** Reads values. `look` sees each object under the names of the source. */
export const value = <A>(settings: LineSettings<A>, look?: ((record: object) => void) | undefined): ReadValue<A> => {
  const { mapped } = settings
  return mapped === undefined ? unmappedValue(settings, look) : mappedValue(mapped, settings, look)
}

const unmappedValue = <A>(settings: LineSettings<A>, look: ((record: object) => void) | undefined): ReadValue<A> => {
  const { columns, fields, otherColumns } = settings
  const { decode, issues, look: lookAt } = settings.decoder
  const names = FieldNames.make(fields, columns)
  const kept = FieldNames.kept(columns)
  const named = names.mapped.size === 0 ? undefined : byField(names)
  const refuses = otherColumns !== "ignore"
  const check = refuses && fields.others === undefined ? unknownKeys(fields) : undefined
  return (read, text, offset, line, position) => {
    const { value } = read
    let encoded = value
    let unread = none
    if (isObject(value)) {
      look?.(value)
      if (named !== undefined) encoded = named(value)
      if (named !== undefined && refuses) unread = unreadIssues(value, names)
    }
    const changed = read.issues.length === 0 ? none : read.issues.flatMap(inFields(names, refuses))
    const unknown = check?.(encoded)
    if (unread.length === 0 && changed.length === 0 && unknown === undefined) {
      const exit = decode(encoded)
      if (Exit.isSuccess(exit)) {
        const spoiled = lookAt(exit.value, text === undefined ? undefined : line)
        if (spoiled === undefined) return { _tag: "Valid", offset, line, position, patch: exit.value }
        const rejected = suspicious(spoiled, { format: "json", value: encoded }, offset, line, position)
        return text === undefined ? rejected : { ...rejected, row: { line: text } }
      }
    }
    // Where the value does not say all that the line says, the line is kept.
    const input: RecordInput =
      text !== undefined && (unread.length > 0 || read.issues.length > 0)
        ? { format: "ndjson", value: text, ...kept }
        : { format: "json", value: encoded }
    const found = [...(unknown ?? []), ...issues(encoded, [...unread, ...changed])]
    const rejected = mismatch(found, input, offset, line, position)
    return text === undefined || input.format === "ndjson" ? rejected : { ...rejected, row: { line: text } }
  }
}

const mappedValue = <A>(
  { decode, issues, look: lookAt, mapper }: MappedJson<A>,
  { decoder, otherColumns }: LineSettings<A>,
  look: ((record: object) => void) | undefined
): ReadValue<A> => {
  const unknown = otherColumns === "ignore" ? () => none : unreadKeys(mapper.names)
  return (read, text, offset, line, position) => {
    const { value } = read
    const input: RecordInput = text === undefined ? { format: "json", value } : { format: "ndjson", value: text }
    if (!isObject(value)) return mismatch(decoder.issues(value), input, offset, line, position)
    look?.(value)
    const unread = unknown(value)
    const found = read.issues.length === 0 ? none : read.issues.flatMap(mapper.inFields)
    const exit = decode(read)
    if (exit === skipped) return leftOut(offset, line, position)
    if (unread.length === 0 && found.length === 0 && Exit.isSuccess(exit)) {
      const spoiled = lookAt(exit.value, text === undefined ? undefined : line)
      return spoiled === undefined
        ? { _tag: "Valid", offset, line, position, patch: exit.value }
        : suspicious(spoiled, input, offset, line, position)
    }
    return mismatch([...unread, ...issues(read, found)], input, offset, line, position)
  }
}

/** Finds the keys that nothing is read from. */
const unreadKeys =
  (names: ReadonlySet<string>) =>
  (value: { readonly [key: string]: unknown }): ReadonlyArray<InputIssue> => {
    const others = Object.keys(value).filter((key) => !names.has(key))
    return others.slice(0, mostUnknownKeys).map((key) => ({
      path: [Cells.isShowable(key) ? key : "*"],
      message: `Nothing is read from this key. Map it, or leave such keys out with otherColumns: "ignore"`
    }))
  }

/** Reads lines. */
export const line = <A>(
  settings: LineSettings<A>,
  look?: ((record: object) => void) | undefined
): ((text: string, offset: number, line: number, position: SourcePosition | undefined) => CustomerRecord<A>) => {
  const readValue = value(settings, look)
  const asText = settings.mapped?.mapper.asText
  const what = settings.called ?? "line"
  const kept = FieldNames.kept(settings.columns)
  const bad = (problem: string, value: string, offset: number, line: number, position: SourcePosition | undefined) =>
    malformed(problem, { format: "ndjson", value, ...kept }, offset, line, position)
  return (text, offset, line, position) => {
    const escapeAt = Utf8.escapeIn(text)
    if (escapeAt !== -1) {
      return bad(
        BadRows.problem(BadRows.placeOf(text, escapeAt, line), settings.encoding),
        text,
        offset,
        line,
        position
      )
    }
    if (JsonDepth.isTooDeep(text)) return bad(`The ${what} is ${JsonDepth.tooDeep}`, text, offset, line, position)
    let read: JsonText.JsonText
    try {
      read = JsonText.parse(text, asText)
    } catch {
      // What the parser says repeats the line.
      return bad(`The ${what} is not JSON`, text, offset, line, position)
    }
    return readValue(read, text, offset, line, position)
  }
}

/** Reads the lines, or other texts. */
export const records = <A>(settings: Settings<A>): Reader<CustomerRecord<A>> => {
  const { called = "line", firstOffset, maxRecordSize, source, wanted } = settings
  const from = settings.from ?? FilePlace.top
  const window = new TextWindow(from, maxRecordSize, false)
  const texts = settings.texts?.(window) ?? new NdjsonLines(window, maxRecordSize)
  const readLine = line(settings, wanted?.look)
  const kept = FieldNames.kept(settings.columns)
  let failure: InvalidUtf8 | undefined
  let offset = from.offset
  // Records without a name that is mapped are not given out before some record has it: nothing shall be sent if none does.
  let held: Array<CustomerRecord<A>> = []
  const given = (): Array<CustomerRecord<A>> => {
    if (wanted !== undefined && !window.last && wanted.missingMapped().length > 0) return []
    const out = held
    held = []
    return out
  }
  return {
    startsAt: from.place.byte,
    window,
    get failure() {
      return failure ?? texts.failure
    },
    read: () => {
      texts.begin()
      let position: FilePlace.FilePosition | undefined
      for (;;) {
        const step = texts.next()
        if (step === "more") {
          window.pause()
          return given()
        }
        if (texts.place !== undefined) position ??= FilePlace.atPlace(from, offset, texts.place)
        if (step === "too large") {
          const message = `The ${called} is longer than ${maxRecordSize} characters`
          const input = { format: "ndjson", value: texts.text, ...kept } as const
          held.push(malformed(message, input, offset++, texts.line, position))
          continue
        }
        if (offset === firstOffset && texts instanceof NdjsonLines) refuseDocument(source, texts.text)
        const escapeAt = window.escaped ? Utf8.escapeIn(texts.text) : -1
        if (escapeAt !== -1) {
          failure = settings.badRows.note(offset, BadRows.placeOf(texts.text, escapeAt, texts.line))
        }
        held.push(readLine(texts.text, offset++, texts.line, position))
        if (failure !== undefined) return given()
        if (wanted !== undefined && wanted.looked() >= WantedNames.patience) {
          const names = wanted.missing()
          if (names.length > 0) throw new NamesMissing({ source, records: WantedNames.patience, names })
        }
      }
    }
  }
}

// Most of a JSON document's lines are no records, and a few may look like some.
const refuseDocument = (source: string, line: string): void => {
  const text = line.trim()
  if (text.startsWith("[")) throw new NotNdjson({ source, starts: "array" })
  if (text.startsWith("{") && /[[{]$/.test(text)) throw new NotNdjson({ source, starts: "object" })
}

/** What there is to tell of the lines that were read. */
export const notes = ({ notes, wanted }: Pick<Settings<never>, "notes" | "wanted">): ReadonlyArray<SourceNote> => [
  ...notes.list(),
  ...(wanted === undefined ? [] : WantedNames.notes(wanted))
]

const none: ReadonlyArray<InputIssue> = []

// So many are told one by one.
const mostUnknownKeys = 8

const isObject = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** An object by the names of fields. A name that is none stays; one that is a field's, and that is mapped, is left out. */
const byField =
  ({ fieldsOf, names }: FieldNames.FieldNames) =>
  (value: { readonly [key: string]: unknown }): { readonly [key: string]: unknown } =>
    Object.fromEntries(
      Object.entries(value).flatMap(([name, inner]) => {
        const fed = fieldsOf(name)
        if (fed.length > 0) return fed.map((field) => [field, inner] as const)
        return names.has(name) ? [] : [[name, inner] as const]
      })
    )

/** Finds the names of fields that are mapped to other names: two would claim one field, or the value would be lost. */
const unreadIssues = (
  value: { readonly [key: string]: unknown },
  { fieldsOf, mapped }: FieldNames.FieldNames
): ReadonlyArray<InputIssue> =>
  [...mapped].flatMap(([field, name]) =>
    Object.hasOwn(value, field) && fieldsOf(field).length === 0
      ? [
          {
            path: [field],
            message: `This key ${FieldNames.unread(field, name)}. Take it out, or leave such keys out with otherColumns: "ignore"`
          }
        ]
      : []
  )

/** What is said of a name in the source, said of its field; of what is not read, nothing. */
const inFields =
  ({ fieldsOf }: FieldNames.FieldNames, refuses: boolean) =>
  ({ message, path: [name, ...path] }: InputIssue): ReadonlyArray<InputIssue> => {
    if (typeof name !== "string") return [{ path: name === undefined ? [] : [name, ...path], message }]
    const field = fieldsOf(name)[0] ?? (refuses ? name : undefined)
    return field === undefined ? [] : [{ path: [field, ...path], message }]
  }

/** Finds the keys that are no fields: a misspelt one would be lost without a word. */
const unknownKeys =
  ({ named }: Cells.Fields) =>
  (value: unknown): ReadonlyArray<InputIssue> | undefined => {
    if (!isObject(value)) return undefined
    for (const key in value) {
      if (!named.has(key)) return unknownKeyIssues(value, named)
    }
    return undefined
  }

const unknownKeyIssues = (
  value: { readonly [key: string]: unknown },
  named: Cells.Fields["named"]
): ReadonlyArray<InputIssue> => {
  const missing = [...named.keys()].filter((name) => !Object.hasOwn(value, name))
  return Object.keys(value)
    .filter((key) => !named.has(key))
    .slice(0, mostUnknownKeys)
    .map((key) => {
      const like = Cells.nearest(key, missing)
      const hint = like === undefined ? `Leave such keys out with otherColumns: "ignore"` : `Is it ${like}, misspelt?`
      return { path: [Cells.isShowable(key) ? key : "*"], message: `This key is no field. ${hint}` }
    })
}
