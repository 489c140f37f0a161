/**
 * Texts that say who somebody is, or how somebody is reached. Other than a name, such a text is another person's once a
 * character is changed.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"

/**
 * An id, or a phone number.
 *
 * @category models
 * @since 0.1.0
 */
export type TextKind = "id" | "phone"

const annotation = "effect-patchbay/json/TextKind"

/**
 * Says of a text what kind it is. A source rejects such texts where they look spoiled.
 *
 * ```ts
 * import { Schema } from "effect"
 * import { TextKind } from "effect-patchbay"
 *
 * export const Contact = Schema.Struct({
 *   contactId: TextKind.annotate(Schema.NonEmptyString, "id"),
 *   mobile: Schema.optionalKey(Schema.NullOr(TextKind.annotate(Schema.String, "phone"))),
 *   name: Schema.optionalKey(Schema.String)
 * })
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const annotate = <S extends Schema.Top>(schema: S, kind: TextKind): S["Rebuild"] =>
  schema.annotate({ [annotation]: kind })

// Wherever it stands: with checks, a schema keeps what it is annotated with at the last check that it had then.
const kindOf = ({ annotations, checks }: SchemaAST.AST): TextKind | undefined => {
  const all = [annotations, ...(checks ?? []).map((check) => check.annotations)].map((some) => some?.[annotation])
  return all.find((kind) => kind === "id" || kind === "phone")
}

/**
 * The kind of a field's texts, also where the field takes null as well; `undefined` for any other text.
 *
 * @category getters
 * @since 0.1.0
 */
export const of = (ast: SchemaAST.AST): TextKind | undefined =>
  kindOf(ast) ?? (ast._tag === "Union" ? ast.types.map(of).find((kind) => kind !== undefined) : undefined)
