/**
 * NDJSON as customers: one JSON object a line.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import type { InputIssue } from "../http/InputIssue.ts"
import * as JsonDepth from "../http/JsonDepth.ts"
import type { CustomerRecord, SourcePosition } from "../sync/CustomerRecord.ts"
import type { Reader } from "./ByteBlocks.ts"
import * as Cells from "./Cells.ts"
import { NdjsonLines } from "./NdjsonLines.ts"
import { malformed, mismatch, type RecordDecoder } from "./RecordDecoder.ts"
import { TextWindow } from "./TextWindow.ts"

/**
 * How the lines of one source are read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings<A> {
  /** Characters. */
  readonly maxRecordSize: number
  readonly fields: Cells.Fields
  /** Field to the name that it has in the source. */
  readonly columns: { readonly [field: string]: string | undefined } | undefined
  readonly otherColumns: "refuse" | "ignore" | undefined
  readonly decoder: RecordDecoder<A>
  readonly from: SourcePosition | undefined
}

/**
 * Reads the lines.
 *
 * @category constructors
 * @since 0.1.0
 */
export const records = <A>(settings: Settings<A>): Reader<CustomerRecord<A>> => {
  const { columns, fields, maxRecordSize, otherColumns } = settings
  const { decode, issues, json } = settings.decoder
  const from = settings.from ?? { byte: 0, offset: 0, line: 1 }
  const window = new TextWindow(from, maxRecordSize, false)
  const lines = new NdjsonLines(window, maxRecordSize)
  const renamed = columns === undefined ? undefined : rename(columns)
  const check = otherColumns === "ignore" || fields.others !== undefined ? undefined : unknownKeys(fields)
  let offset = from.offset
  return {
    startsAt: from.byte,
    window,
    read: () => {
      const out: Array<CustomerRecord<A>> = []
      const position: SourcePosition = { byte: window.byteAt(), offset, line: window.line }
      for (;;) {
        const step = lines.next()
        if (step === "more") {
          window.pause()
          return out
        }
        if (step === "too large") {
          out.push(
            malformed(`The line is longer than ${maxRecordSize} characters`, lines.text, offset++, lines.line, position)
          )
          continue
        }
        if (JsonDepth.isTooDeep(lines.text)) {
          out.push(malformed(`The line is ${JsonDepth.tooDeep}`, lines.text, offset++, lines.line, position))
          continue
        }
        let value: unknown
        try {
          value = JSON.parse(lines.text)
        } catch {
          // What the parser says repeats the line.
          out.push(malformed("The line is not JSON", lines.text, offset++, lines.line, position))
          continue
        }
        const encoded = renamed === undefined ? value : renamed(value)
        const unknown = check?.(encoded)
        const patch = unknown === undefined ? json(encoded) : undefined
        if (patch !== undefined) {
          out.push({ _tag: "Valid", offset: offset++, line: lines.line, position, patch })
          continue
        }
        const exit = unknown === undefined ? decode(encoded) : undefined
        out.push(
          exit !== undefined && Exit.isSuccess(exit)
            ? { _tag: "Valid", offset: offset++, line: lines.line, position, patch: exit.value }
            : mismatch(
                [...(unknown ?? []), ...issues(encoded)],
                { format: "json", value },
                offset++,
                lines.line,
                position
              )
        )
      }
    }
  }
}

// So many are told one by one.
const mostUnknownKeys = 8

const isObject = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const rename = (columns: { readonly [field: string]: string | undefined }): ((value: unknown) => unknown) => {
  const fields = new Map<string, string>()
  for (const [field, name] of Object.entries(columns)) if (name !== undefined) fields.set(name, field)
  return (value) =>
    isObject(value)
      ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [fields.get(name) ?? name, inner]))
      : value
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
