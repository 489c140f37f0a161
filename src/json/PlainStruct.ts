/** Schemas that are plain structs, whose fields can be looked at one by one. */
import * as SchemaAST from "effect/SchemaAST"

/**
 * The fields of a struct that has nothing but fields: no checks, no transformation, no index signature, and no name
 * that objects inherit, which the schema's own decoder takes for a field. `undefined` for anything else.
 */
export const fields = (
  ast: SchemaAST.AST
): ReadonlyArray<{ readonly name: string; readonly type: SchemaAST.AST }> | undefined => {
  if (ast._tag !== "Objects" || ast.encoding || ast.checks || ast.encodingChecks || ast.indexSignatures.length > 0) {
    return undefined
  }
  const fields: Array<{ readonly name: string; readonly type: SchemaAST.AST }> = []
  for (const { name, type } of ast.propertySignatures) {
    if (typeof name !== "string" || name in Object.prototype) return undefined
    fields.push({ name, type })
  }
  return fields
}

/** Types that take a value as it is, or do not take it. */
const plain = new Set<SchemaAST.AST["_tag"]>(["String", "Boolean", "Number", "Null", "Undefined", "Literal"])

const isPlain = (ast: SchemaAST.AST): boolean =>
  plain.has(ast._tag) && ast.encoding === undefined && ast.checks === undefined

/** Whether every value of a primitive type is decoded, and encoded, as itself. */
export const takesAsIs = (ast: SchemaAST.AST, tag: "String" | "Boolean" | "Null"): boolean => {
  if (ast._tag !== "Union") return ast._tag === tag && isPlain(ast)
  const free = ast.encoding === undefined && ast.checks === undefined && ast.encodingChecks === undefined
  return (
    free && ast.options?.mode !== "oneOf" && ast.types.every(isPlain) && ast.types.some((type) => type._tag === tag)
  )
}

/**
 * Whether a field that is absent in the encoded value is absent in the decoded one, and the other way round: it is optional
 * and has no default.
 */
export const staysAbsent = (ast: SchemaAST.AST): boolean =>
  SchemaAST.isOptional(ast) &&
  SchemaAST.isOptional(SchemaAST.toEncoded(ast)) &&
  (ast.encoding ?? []).every(
    ({ to, transformation }) =>
      to.encoding === undefined &&
      transformation._tag === "Transformation" &&
      [transformation.decode, transformation.encode].every(({ _tag }) => _tag === "Passthrough" || _tag === "Transform")
  )
