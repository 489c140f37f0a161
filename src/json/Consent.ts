/** Fields that say whether somebody may be written to. Which way round such a field is, must never be guessed. */
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/** What `true` says: that somebody wants to be left alone, or that they do not. */
export type Meaning = "optIn" | "optOut"

const key = "effect-patchbay/consent"

/** A boolean of which `true` is an opt-out. */
export const OptOut = Schema.Boolean.annotate({ [key]: "optOut" satisfies Meaning })

/** What `true` says in a field; `undefined` where the field is about something else. */
export const of = (ast: SchemaAST.AST): Meaning | undefined => {
  if (ast._tag === "Union") {
    for (const type of ast.types) {
      const meaning = of(type)
      if (meaning !== undefined) return meaning
    }
    return undefined
  }
  const meaning = ast.annotations?.[key]
  return meaning === "optIn" || meaning === "optOut" ? meaning : undefined
}

/** The fields of a schema's encoded side that are about consent, and what `true` says in each. */
export const fields = (ast: SchemaAST.AST): ReadonlyMap<PropertyKey, Meaning> => fieldsOf(SchemaAST.toEncoded(ast))

const fieldsOf = (ast: SchemaAST.AST): ReadonlyMap<PropertyKey, Meaning> => {
  if (ast._tag === "Union") return new Map(ast.types.flatMap((type) => [...fieldsOf(type)]))
  if (ast._tag !== "Objects") return new Map()
  return new Map(
    ast.propertySignatures.flatMap(({ name, type }) => {
      const meaning = of(type)
      return meaning === undefined ? [] : [[name, meaning] as const]
    })
  )
}
