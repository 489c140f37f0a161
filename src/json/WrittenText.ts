/** Texts that a schema encodes to, known without going through it. */
import type * as SchemaAST from "effect/SchemaAST"

/** The text that a schema encodes a value as; `undefined` says nothing of whether it does. */
export type WrittenText = (value: unknown) => string | undefined

const known = new WeakMap<SchemaAST.Link["transformation"], WrittenText>()

/** Says of a transformation to text what it encodes values as. Without it, they all go through the schema. */
export const through = <T extends SchemaAST.Link["transformation"]>(transformation: T, written: WrittenText): T => {
  known.set(transformation, written)
  return transformation
}

/** The texts of a schema's values; `undefined` where none is known. */
export const of = (ast: SchemaAST.AST): WrittenText | undefined => {
  if (ast._tag === "Union") {
    const [one, ...more] = ast.types.filter(({ _tag }) => _tag !== "Null" && _tag !== "Undefined")
    const isFree = ast.encoding === undefined && ast.checks === undefined && ast.encodingChecks === undefined
    return isFree && one !== undefined && more.length === 0 ? of(one) : undefined
  }
  const [link, ...others] = ast.encoding ?? []
  return link === undefined || others.length > 0 || ast.checks !== undefined
    ? undefined
    : known.get(link.transformation)
}
