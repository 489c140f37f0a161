/** Numbers that may be copied: what a schema decodes, and encodes as the very same number again. */
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as CopiedText from "./CopiedText.ts"

const POINT = 46

/**
 * Which numbers, of those that are written as `JSON.stringify` writes them, may be copied; `undefined` where that is not
 * known of any.
 */
export const of = (ast: SchemaAST.AST): CopiedText.CopiedText | undefined => {
  if (ast._tag === "Union") {
    if (ast.encoding !== undefined || ast.checks !== undefined || ast.encodingChecks !== undefined) return undefined
    const others = ast.types.filter(({ _tag }) => _tag !== "Null" && _tag !== "Undefined" && _tag !== "Boolean")
    const [number, ...more] = others
    return number === undefined || more.length > 0 ? undefined : of(number)
  }
  if (ast._tag !== "Number" || ast.encoding !== undefined) return undefined
  const checks = (ast.checks ?? []).map((check) => check.annotations?.representation?.id)
  if (checks.every((id) => id === "effect/schema/isFinite")) return CopiedText.always
  if (checks.every((id) => id === "effect/schema/isInt")) return isWhole
  const fits = Schema.is(Schema.make<Schema.Number>(ast))
  return (bytes, from, to) => fits(Number(textOf(bytes, from, to)))
}

// So many digits as are copied are always held.
const isWhole: CopiedText.CopiedText = (bytes, from, to) => {
  for (let at = from; at < to; at++) if (bytes[at] === POINT) return false
  return true
}

const textOf = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to))
