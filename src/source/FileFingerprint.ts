/** What must be the same for a file to be read on from where an earlier run stopped. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import type { FileOptions } from "./FileOptions.ts"
import type { Mapping } from "./mapping/Model.ts"

const size = "size of the source"
const lastChange = "last change of the source"

/** Whether a part of it says how large the file is, or when it was changed. */
export const isOfContent = (part: string): boolean => part === size || part === lastChange

/**
 * Name, size and time of change of a file, the shape that its records are read as, and the options that change what is
 * read. A file that was replaced by another of the same size within the same millisecond is not noticed.
 */
export const make = (
  fs: FileSystem.FileSystem,
  path: string,
  schema: Schema.Constraint,
  options: FileOptions | undefined,
  mapping?: Mapping | undefined
): Effect.Effect<{ readonly [part: string]: string }, PlatformError.PlatformError> =>
  Effect.map(fs.stat(path), ({ mtime, size: bytes, type }) => {
    // Those that are not given are not in the JSON of them either.
    const { allowSuspicious, columns, delimiter, empty, encoding, format, maxRecordSize, otherColumns } = options ?? {}
    const { records, sheet, skipLines, strictHeader, strictRows, untilBlankLine } = options ?? {}
    const shared = { columns, delimiter, empty, format, maxRecordSize, otherColumns, allowSuspicious, encoding }
    const ofFormat = { records, sheet, skipLines, strictHeader, strictRows, untilBlankLine }
    return {
      source: path,
      // What is no file, such as a pipe, has neither.
      ...(type === "File"
        ? {
            [size]: `${bytes} bytes`,
            [lastChange]: Option.match(mtime, {
              onNone: () => "not known",
              onSome: (time) => time.toISOString()
            })
          }
        : {}),
      "reading options": JSON.stringify({ ...shared, ...ofFormat }),
      ...(mapping === undefined ? {} : { mapping: digest(JSON.stringify(mapping)) }),
      schema: shapeOf(schema)
    }
  })

// The shape in a form that is the same for the same declaration; a schema without a JSON form has only its name.
export const shapeOf = (schema: Schema.Constraint): string => {
  try {
    return digest(JSON.stringify(Schema.toJsonSchemaDocument(schema)))
  } catch {
    return schema.ast._tag
  }
}

// FNV-1a, 32 bits: tells two shapes apart in an error message, and need not withstand anybody.
export const digest = (text: string): string => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, "0")
}
