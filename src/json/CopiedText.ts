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
  if (ast._tag === "Union") return ofUnion(ast)
  if (ast._tag === "Literal" && typeof ast.literal === "string" && ast.encoding === undefined) return one(ast.literal)
  const [link, ...others] = ast.encoding ?? []
  return link === undefined || others.length > 0 || ast.checks !== undefined
    ? undefined
    : known.get(link.transformation)
}

/** Of words, or of one type of texts beside what is no text. */
const ofUnion = (ast: SchemaAST.Union): CopiedText | undefined => {
  if (ast.encoding !== undefined || ast.checks !== undefined || ast.encodingChecks !== undefined) return undefined
  if (ast.options?.mode === "oneOf") return undefined
  const texts = ast.types.filter((type) => !isNoText(type))
  const copied = texts.map(of)
  const [first, ...others] = copied
  if (first === undefined || others.length === 0) return first
  const words = copied.filter((each) => each !== undefined)
  if (words.length < texts.length || !texts.every(isWords)) return undefined
  return (bytes, from, to) => words.some((each) => each(bytes, from, to))
}

const noTexts = new Set<SchemaAST.AST["_tag"]>(["Null", "Undefined", "Boolean", "Number"])

const isNoText = (ast: SchemaAST.AST): boolean => noTexts.has(ast._tag) && ast.encoding === undefined

const isWords = (ast: SchemaAST.AST): boolean =>
  ast._tag === "Literal" || (ast._tag === "Union" && ast.types.every((type) => isNoText(type) || isWords(type)))

const encoder = new TextEncoder()

const one = (word: string): CopiedText => {
  const expected = encoder.encode(word)
  return (bytes, from, to) => to - from === expected.length && expected.every((byte, i) => bytes[from + i] === byte)
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
