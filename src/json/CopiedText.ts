/** Texts that may be copied: what a schema decodes, and encodes as the very same text again. */
import * as Predicate from "effect/Predicate"
import type * as SchemaAST from "effect/SchemaAST"
import * as PlainStruct from "./PlainStruct.ts"

/**
 * Whether the UTF-8 bytes from one index up to, and without, another are a text that the schema decodes and encodes as
 * itself. `false` says nothing.
 */
export type CopiedText = (bytes: Uint8Array, from: number, to: number) => boolean

const known = new WeakMap<SchemaAST.Link["transformation"], CopiedText>()

/**
 * Says of a transformation from text which texts it takes there and back unchanged. Without it, they are all decoded and
 * encoded.
 */
export const through = <T extends SchemaAST.Link["transformation"]>(transformation: T, copied: CopiedText): T => {
  known.set(transformation, copied)
  return transformation
}

/** Of a schema that takes any text. */
export const always: CopiedText = () => true

/** Which texts that are not empty may be copied; `undefined` where that is not known of any. */
export const of = (ast: SchemaAST.AST): CopiedText | undefined => {
  if (PlainStruct.takesAsIs(ast, "String") || isNonEmptyString(ast)) return always
  const [link, ...others] = ast.encoding ?? []
  return link === undefined || others.length > 0 || ast.checks !== undefined
    ? undefined
    : known.get(link.transformation)
}

const isNonEmptyString = (ast: SchemaAST.AST): boolean =>
  ast._tag === "String" &&
  ast.encoding === undefined &&
  (ast.checks ?? []).every((check) => {
    const representation = check.annotations?.representation
    return (
      representation?.id === "effect/schema/isMinLength" &&
      Predicate.hasProperty(representation.payload, "minLength") &&
      representation.payload.minLength === 1
    )
  })
