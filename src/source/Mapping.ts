/**
 * A mapping: a value, from code or a JSON file, that says for each field where it comes from and how it is read. With the
 * schema of a destination it becomes a schema.
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Mapping, ReachSchema } from "effect-patchbay"
 *
 * const subscribers = Mapping.schema(
 *   {
 *     fields: {
 *       customerId: { from: "Subscriber ID" },
 *       email: { from: "E-mail", trim: true, case: "lower" },
 *       emailOptOut: { from: "Status", words: { subscribed: "optIn", unsubscribed: "optOut" } },
 *       createdAt: { from: "Joined", date: { format: "dd.MM.yyyy", zone: "Europe/Berlin", time: "00:00" } }
 *     },
 *     skip: [{ when: "Status", is: ["cleaned"] }]
 *   },
 *   ReachSchema.CustomerPatch
 * )
 *
 * // Also CustomerFile.read("subscribers.csv", subscribers), and all else that takes a schema.
 * const patch = Schema.decodeUnknownEffect(subscribers)({ "Subscriber ID": "7", Status: "subscribed", Joined: "15.01.2024" })
 *
 * await Effect.runPromise(patch)
 * ```
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as PlatformReason from "../base/PlatformReason.ts"
import * as InputIssue from "../json/InputIssue.ts"
import * as JsonText from "../json/JsonText.ts"
import type { FieldOf } from "./FileOptions.ts"
import * as MappedSchema from "./mapping/MappedSchema.ts"
import * as Model from "./mapping/Model.ts"
import * as Cells from "./read/Cells.ts"
import { InvalidMapping, MappingUnreadable, type PhoneLibraryMissing } from "./read/MappingError.ts"

export type { Mapped, Row } from "./mapping/MappedSchema.ts"
export { DateReading, FieldMapping, Mapping, Origin, PhoneReading, Skip } from "./mapping/Model.ts"
export { InvalidMapping, MappingUnreadable, PhoneLibraryMissing } from "./read/MappingError.ts"

/**
 * The schema that decodes a record of the source, read as the mapping says, to what the destination's schema decodes. All
 * that takes a schema takes it; `CustomerFile` reads the cells of a CSV through it, and values of JSON. Elsewhere a text is a
 * text, as in JSON: `"true"` is no boolean unless `words` says so.
 *
 * A mapping that cannot be used fails when it is used, with `InvalidMapping`; `check` says so before.
 *
 * @category constructors
 * @since 0.1.0
 */
export const schema: <S extends Schema.ConstraintDecoder<unknown>>(
  mapping: Model.Mapping<FieldOf<S>>,
  to: S
) => MappedSchema.Mapped<S> = MappedSchema.make

/**
 * Fails where a mapping cannot be used for a destination's schema, with everything that is wrong with it. `source` is what
 * errors call it: `mapping` by default.
 *
 * @category combinators
 * @since 0.1.0
 */
export const check = <S extends Schema.ConstraintDecoder<unknown>>(
  mapping: Model.Mapping,
  to: S,
  source = "mapping"
): Effect.Effect<void, InvalidMapping | PhoneLibraryMissing> =>
  Effect.asVoid(
    Effect.mapError(MappedSchema.mapperOf(mapping, to), (error) =>
      error._tag === "InvalidMapping" ? new InvalidMapping({ source, issues: error.issues }) : error
    )
  )

const decode = Schema.decodeUnknownResult(Model.Mapping, { errors: "all", onExcessProperty: "error" })

/**
 * A mapping out of a value that may be none. `source` is what errors call it: `mapping` by default.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromUnknown = (value: unknown, source = "mapping"): Effect.Effect<Model.Mapping, InvalidMapping> => {
  const decoded = decode(value)
  if (Result.isSuccess(decoded)) return Effect.succeed(decoded.success)
  const issues = InputIssue.fromSchemaIssue(decoded.failure.issue).map(told)
  return Effect.fail(
    new InvalidMapping({
      source,
      issues: Arr.isReadonlyArrayNonEmpty(issues) ? issues : [{ path: [], message: "is not right" }]
    })
  )
}

// What the schema calls a name that it does not know.
const excess = "Expected no excess property"
const names = InputIssue.names(Model.Mapping.ast)

const told = ({ message, path }: InputIssue.InputIssue): InputIssue.InputIssue => {
  if (message !== excess) return { path, message: `is not right: ${message}` }
  const like = Cells.nearest(String(path.at(-1)), names)
  return { path, message: `is not known here${like === undefined ? "" : `. Did you mean ${like}?`}` }
}

/**
 * The mapping in a JSON file.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (
  path: string
): Effect.Effect<Model.Mapping, InvalidMapping | MappingUnreadable, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const text = yield* Effect.mapError(
      fs.readFileString(path),
      (error) => new MappingUnreadable({ source: path, reason: PlatformReason.of(error) })
    )
    const parsed = Result.try({
      try: () => JsonText.parse(text),
      catch: (error) => new MappingUnreadable({ source: path, reason: `it is not JSON${placeIn(error)}` })
    })
    if (Result.isFailure(parsed)) return yield* parsed.failure
    const { issues, value } = parsed.success
    if (Arr.isReadonlyArrayNonEmpty(issues)) {
      return yield* new InvalidMapping({
        source: path,
        issues: Arr.map(issues, ({ message, path }) => ({ path, message: `is not right: ${message}` }))
      })
    }
    return yield* fromUnknown(value, path)
  })

// V8 says where, behind a piece of the text.
const placeIn = (error: unknown): string => {
  const [, line, column] = /line (\d+) column (\d+)/.exec(error instanceof Error ? error.message : "") ?? []
  return line === undefined ? "" : ` at line ${line}, column ${column}`
}

/**
 * The JSON Schema (2020-12) of a mapping file, which the package ships as `effect-patchbay/mapping.schema.json`, so that
 * editors complete it: `{ "$schema": "./node_modules/effect-patchbay/mapping.schema.json" }`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const jsonSchema = (): { readonly [key: string]: unknown } => {
  const { definitions, schema } = Schema.toJsonSchemaDocument(Model.Mapping, { onExcessProperty: "error" })
  return { $schema: "https://json-schema.org/draft/2020-12/schema", ...schema, $defs: definitions }
}
