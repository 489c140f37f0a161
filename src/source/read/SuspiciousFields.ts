/** Looks for spoiled texts in the fields of records. */
import * as SchemaAST from "effect/SchemaAST"
import type { InputIssue } from "../../json/InputIssue.ts"
import * as TextKind from "../../json/TextKind.ts"
import type { ReadNotes } from "./ReadNotes.ts"
import * as Suspicious from "./Suspicious.ts"

const kinds: { readonly [kind in TextKind.TextKind]: string } = { id: "id", phone: "phone number" }

const told: { readonly [check in Suspicious.Check]: (what: string) => string } = {
  "white-space": (what) =>
    `White space stands at the start or the end of this ${what}, which makes it another one. Take it away in the source, or with trim: true in a mapping`,
  apostrophe: (what) =>
    `This ${what} starts with an apostrophe, with which spreadsheets mark a text. Take it away in the source, or with withoutPrefix: "'" in a mapping`,
  scientific: (what) =>
    `This ${what} is written like 1.2E+12, so that its last digits are lost. Export it again, with its column as text`,
  "error-value": (what) =>
    `This ${what} is what a spreadsheet shows for an error. Put it right there, and export it again`,
  formula: (what) =>
    `This ${what} starts with =, as a formula does. Export its value, or put it right in the source; withoutPrefix: "=" in a mapping takes away a = before a bare value`
}

const messageOf = (check: Suspicious.Check, kind: TextKind.TextKind): string =>
  `${told[check](kinds[kind])}; or let such texts pass with allowSuspicious: ["${check}"]`

/** Looks at a record that was read: what it is rejected for. Others are counted. */
export type Look = (patch: unknown, line: number | undefined) => ReadonlyArray<InputIssue> | undefined

interface TextField {
  readonly name: string
  readonly kind: TextKind.TextKind | undefined
}

const whiteSpace =
  "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"

/** By unit of text: whether one of the shapes starts or ends with it, but for a number's. */
export const edges = new Uint8Array(0x1_0000)
for (const unit of `${whiteSpace}'#=`) edges[unit.charCodeAt(0)] = 1

/** Looks at records of a schema. */
export const look = (ast: SchemaAST.AST, allowed: ReadonlyArray<Suspicious.Check>, notes: ReadNotes): Look => {
  const texts = textFields(SchemaAST.toType(ast))
  const names = texts.map(({ name }) => name)
  return (patch, line) => {
    // What has no fields to look at is not looked at.
    const record = patch as { readonly [field: string]: unknown }
    // Every record passes here: a text that has none of these at its ends, and no plus sign inside, is not looked at again.
    let found = 0
    for (const name of names) {
      // What is absent, or null, is a word without any of them.
      const text = `${record[name]}`
      // An empty text has no such unit, which `|=` takes for none, and the type of an array does not know.
      found |=
        (edges[text.charCodeAt(0)] as number) |
        (edges[text.charCodeAt(text.length - 1)] as number) |
        Math.max(0, text.lastIndexOf("+"))
    }
    return found === 0 ? undefined : lookCloser(texts, record, allowed, notes, line)
  }
}

const lookCloser = (
  texts: ReadonlyArray<TextField>,
  record: { readonly [field: string]: unknown },
  allowed: ReadonlyArray<Suspicious.Check>,
  notes: ReadNotes,
  line: number | undefined
): ReadonlyArray<InputIssue> | undefined => {
  const found = texts.flatMap(({ kind, name }) => {
    const text = record[name]
    const check = typeof text === "string" ? Suspicious.of(text) : undefined
    return check === undefined ? [] : [{ check, kind, name }]
  })
  const issues = found.flatMap(({ check, kind, name }) =>
    kind === undefined || allowed.includes(check) ? [] : [{ path: [name], message: messageOf(check, kind) }]
  )
  if (issues.length > 0) return issues
  for (const { check, name } of found) notes.suspicious(name, check, line)
  return undefined
}

/** The fields of the decoded side that take any text, or null: a literal, or a text by a pattern, is not spoiled. */
const textFields = (ast: SchemaAST.AST): ReadonlyArray<TextField> => {
  switch (ast._tag) {
    case "Objects":
      return ast.propertySignatures.flatMap(({ name, type }) =>
        typeof name === "string" && isText(type) ? [{ name, kind: TextKind.of(type) }] : []
      )
    case "Union": {
      // What may be no object has no fields to look at.
      if (!ast.types.every(({ _tag }) => _tag === "Objects")) return []
      const all = new Map<string, TextField>()
      for (const field of ast.types.flatMap(textFields)) {
        if (all.get(field.name)?.kind === undefined) all.set(field.name, field)
      }
      return [...all.values()]
    }
    case "Suspend":
      return textFields(ast.thunk())
    default:
      return []
  }
}

const isText = (ast: SchemaAST.AST): boolean =>
  ast._tag === "String" || (ast._tag === "Union" && ast.types.some(isText))
