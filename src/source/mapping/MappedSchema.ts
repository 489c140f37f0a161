/** A mapping together with the schema of its destination: a schema itself, which readers know again. */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import { InvalidMapping, type PhoneLibraryMissing } from "../read/MappingError.ts"
import type { Mapping } from "./Model.ts"
import * as Phone from "./Phone.ts"
import * as RowMapper from "./RowMapper.ts"

/**
 * A record as it stands in the source: what stands under each name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Row {
  readonly [name: string]: unknown
}

/**
 * The schema that a mapping makes of a destination's: from what stands in a source to what the destination takes. It cannot
 * encode, as a mapping cannot be turned round.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mapped<S extends Schema.ConstraintDecoder<unknown>>
  extends Schema.Codec<S["Type"], Row, never, S["EncodingServices"]> {}

/** A mapping, and the schema that it maps onto. */
export interface MappedSchema {
  readonly mapping: Mapping
  readonly to: Schema.ConstraintDecoder<unknown>
  /** What reads records. Fails where the mapping cannot be used, or needs what is not installed. */
  readonly mapper: Effect.Effect<RowMapper.RowMapper, InvalidMapping | PhoneLibraryMissing>
}

const known = new WeakMap<SchemaAST.AST, MappedSchema>()

/** The mapping that a schema was made with, if any. */
export const of = (schema: Schema.Constraint): MappedSchema | undefined => known.get(schema.ast)

/** What a mapping and the schema of a destination are together. */
export const make = <S extends Schema.ConstraintDecoder<unknown>>(mapping: Mapping, to: S): Mapped<S> => {
  const mapper = mapperOf(mapping, to)
  const schema = Schema.Record(Schema.String, Schema.Unknown).pipe(
    Schema.decodeTo(Schema.Unknown, {
      decode: SchemaGetter.transformEffect((row: Row) =>
        Effect.flatMap(Effect.mapError(mapper, unusable), mapped(row))
      ),
      encode: SchemaGetter.forbidden(() => "A mapping cannot be turned round")
    }),
    // What the mapper makes is looked at by the destination's own schema.
    Schema.decodeTo(to)
  )
  known.set(schema.ast, { mapping, to, mapper })
  return schema
}

/** What reads records by a mapping, once it is needed. */
export const mapperOf = (mapping: Mapping, to: Schema.ConstraintDecoder<unknown>): MappedSchema["mapper"] => {
  let made: RowMapper.RowMapper | undefined
  return Effect.suspend(() => {
    if (made !== undefined) return Effect.succeed(made)
    const needsPhone = Object.values(mapping.fields).some((field) => field?.phone !== undefined)
    return Effect.flatMap(needsPhone ? Phone.load : Effect.void, () => {
      const { mapper, problems } = RowMapper.make(mapping, to.ast)
      if (Arr.isReadonlyArrayNonEmpty(problems)) {
        return Effect.fail(new InvalidMapping({ source: "mapping", issues: Arr.map(problems, (problem) => problem) }))
      }
      made = mapper
      return Effect.succeed(mapper)
    })
  })
}

const unusable = (error: InvalidMapping | PhoneLibraryMissing): SchemaIssue.Issue =>
  new SchemaIssue.InvalidValue({ message: error.message })

const leftOut = "This record is left out, as the mapping says"

const mapped =
  (row: Row) =>
  (mapper: RowMapper.RowMapper): Effect.Effect<unknown, SchemaIssue.Issue> => {
    const read = mapper.fromJson({ value: row })
    if (read._tag === "Skipped") return Effect.fail(new SchemaIssue.InvalidValue({ message: leftOut }))
    const [first, ...others] = read.issues.map(
      ({ message, path }) => new SchemaIssue.Pointer(path, new SchemaIssue.InvalidValue({ message }))
    )
    return first === undefined
      ? Effect.succeed(read.value)
      : Effect.fail(new SchemaIssue.Composite(Schema.Unknown.ast, [first, ...others]))
  }
