/**
 * What a cell of text can be, by the schema: the fields of its encoded side, and how each is read.
 *
 * @since 0.1.0
 */
import * as SchemaAST from "effect/SchemaAST"
import type { InputIssue } from "../../json/InputIssue.ts"
import * as JsonText from "../../json/JsonText.ts"

// What a field takes, as bits. Text wins: where a string is welcome, the cell is passed on as it is, so
// that a surname "null" or "true" stays one.
const TEXT = 1
const BOOLEAN = 2
const NUMBER = 4
const JSON_TEXT = 8

/** What a field takes that takes any text. */
export const text = TEXT

/**
 * A field of the encoded side.
 *
 * @category models
 * @since 0.1.0
 */
export interface Field {
  readonly name: string
  readonly required: boolean
  /** What the field takes, as bits for `read`. */
  readonly takes: number
}

/**
 * The fields that a record may have.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fields {
  readonly named: ReadonlyMap<string, Field>
  /** What a field of any other name takes; `undefined` where there can be none. */
  readonly others: number | undefined
  /** The fields of those that hold an object, which a cell each can hold: `metadata.plan`. */
  readonly inner: ReadonlyMap<string, Fields>
}

/**
 * The fields of a schema's encoded side.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fields = (ast: SchemaAST.AST): Fields => fieldsOf(SchemaAST.toEncoded(ast))

const noFields: Fields = { named: new Map(), others: undefined, inner: new Map() }

const fieldsOf = (ast: SchemaAST.AST): Fields => {
  switch (ast._tag) {
    case "Objects": {
      const named = new Map<string, Field>()
      const inner = new Map<string, Fields>()
      for (const { name, type } of ast.propertySignatures) {
        if (typeof name !== "string") continue
        named.set(name, { name, required: !SchemaAST.isOptional(type), takes: taken(type) })
        const object = objectOf(type)
        if (object !== undefined) inner.set(name, fieldsOf(object))
      }
      const index = ast.indexSignatures[0]
      return { named, others: index === undefined ? undefined : taken(index.type), inner }
    }
    case "Union":
      return ast.types.map(fieldsOf).reduce(either)
    case "Suspend":
      return fieldsOf(ast.thunk())
    case "Unknown":
    case "Any":
    case "ObjectKeyword":
    case "Declaration":
      return { ...noFields, others: TEXT }
    default:
      return noFields
  }
}

const either = (one: Fields, other: Fields): Fields => {
  const named = new Map<string, Field>()
  for (const name of new Set([...one.named.keys(), ...other.named.keys()])) {
    const [a, b] = [one.named.get(name), other.named.get(name)]
    named.set(name, {
      name,
      required: a?.required === true && b?.required === true,
      takes: (a?.takes ?? 0) | (b?.takes ?? 0)
    })
  }
  return {
    named,
    others:
      one.others === undefined && other.others === undefined ? undefined : (one.others ?? 0) | (other.others ?? 0),
    inner: new Map([...one.inner, ...other.inner])
  }
}

/** The object that a type is, or may be beside null; one alone. */
const objectOf = (ast: SchemaAST.AST): SchemaAST.Objects | undefined => {
  if (ast._tag === "Objects") return ast
  if (ast._tag !== "Union") return undefined
  const [object, ...others] = ast.types.filter(({ _tag }) => _tag !== "Null" && _tag !== "Undefined")
  return object?._tag === "Objects" && others.length === 0 ? object : undefined
}

/**
 * A field inside the object that another field holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Inside {
  readonly field: string
  readonly key: string
}

/**
 * Where the cell of a column called `metadata.plan` goes, if `metadata` holds an object that has such a field, and there is
 * no field of the whole name.
 *
 * @category getters
 * @since 0.1.0
 */
export const insideOf = (fields: Fields, name: string): Inside | undefined => {
  const dot = name.indexOf(".")
  if (dot < 1 || dot === name.length - 1 || fields.named.has(name)) return undefined
  const field = name.slice(0, dot)
  const key = name.slice(dot + 1)
  const inner = fields.inner.get(field)
  return inner?.named.has(key) || inner?.others !== undefined ? { field, key } : undefined
}

/**
 * The same fields, and those inside of them that have names: what the columns of a table may be called.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withInner = (fields: Fields): Fields => {
  const named = new Map(fields.named)
  for (const [field, inner] of fields.inner) {
    for (const { name, takes } of inner.named.values()) {
      const whole = `${field}.${name}`
      if (!named.has(whole)) named.set(whole, { name: whole, required: false, takes })
    }
  }
  return { ...fields, named }
}

const taken = (ast: SchemaAST.AST, outer: ReadonlyArray<SchemaAST.AST> = []): number => {
  switch (ast._tag) {
    case "Boolean":
      return BOOLEAN
    case "Number":
      return NUMBER
    case "Objects":
    case "Arrays":
    case "ObjectKeyword":
      return JSON_TEXT
    case "Literal":
      return typeof ast.literal === "boolean" ? BOOLEAN : typeof ast.literal === "number" ? NUMBER : TEXT
    case "Enum":
      return ast.enums.reduce((bits, [, value]) => bits | (typeof value === "number" ? NUMBER : TEXT), 0)
    case "Null":
    case "Undefined":
    case "Void":
    case "Never":
      return 0
    case "Union":
      return ast.types.reduce((bits, type) => bits | taken(type, outer), 0)
    case "Suspend":
      return outer.includes(ast) ? 0 : taken(ast.thunk(), [...outer, ast])
    default:
      return TEXT
  }
}

// A number as JSON writes it, with the plus sign and the bare point that spreadsheets write too.
const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/**
 * A cell as the value that its field takes. A cell that is no such value, or would be changed by becoming one, stays text,
 * so that the schema says at that field what it expected, and `issues` what would be changed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (takes: number, cell: string): unknown => {
  if (takes === 0 || (takes & TEXT) !== 0) return cell
  if ((takes & BOOLEAN) !== 0) {
    if (cell === "true" || (takes === BOOLEAN && cell === "1")) return true
    if (cell === "false" || (takes === BOOLEAN && cell === "0")) return false
    if (cell.length === 4 && cell.toLowerCase() === "true") return true
    if (cell.length === 5 && cell.toLowerCase() === "false") return false
  }
  if ((takes & NUMBER) !== 0 && number.test(cell)) return JsonText.isExact(cell) ? Number(cell) : cell
  if ((takes & JSON_TEXT) !== 0) {
    const json = jsonOf(cell)
    return json === undefined || json.issues.length > 0 ? cell : json.value
  }
  return cell
}

const jsonOf = (cell: string): JsonText.JsonText | undefined => {
  try {
    return JsonText.parse(cell)
  } catch {
    return undefined
  }
}

const expectedBoolean = "Expected true or false, in any case, or 1 or 0"

/**
 * Why the cell of a field was not read as a value that it takes: where that would have changed what it says, and which words
 * a boolean takes.
 *
 * @category decoding
 * @since 0.1.0
 */
export const issues = (
  takes: number,
  cell: string,
  field: string,
  inside?: Inside | undefined
): ReadonlyArray<InputIssue> => {
  if (isText(takes) || cell === "") return []
  const at = inside === undefined ? [field] : [inside.field, inside.key]
  if (takes === BOOLEAN && typeof read(takes, cell) === "string") return [{ path: at, message: expectedBoolean }]
  if ((takes & NUMBER) !== 0 && number.test(cell)) {
    return JsonText.isExact(cell) ? [] : [{ path: at, message: JsonText.inexact }]
  }
  const found = (takes & JSON_TEXT) === 0 ? [] : (jsonOf(cell)?.issues ?? [])
  return found.map(({ message, path }) => ({ path: [...at, ...path], message }))
}

/**
 * What an empty cell means: that the field is absent, null, or the empty text.
 *
 * @category models
 * @since 0.1.0
 */
export type EmptyCell = "absent" | "null" | "text"

/**
 * The same for all fields, or by field.
 *
 * @category models
 * @since 0.1.0
 */
export type Empty = EmptyCell | { readonly [field: string]: EmptyCell | undefined } | undefined

/**
 * What an empty cell of a field means.
 *
 * @category decoding
 * @since 0.1.0
 */
export const emptyOf = (empty: Empty, field: string): EmptyCell =>
  (typeof empty === "object" ? (Object.hasOwn(empty, field) ? empty[field] : undefined) : empty) ?? "absent"

/**
 * Cells by field name as the values that their fields take, given what an empty cell means.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readAll = (
  fields: Fields,
  cells: { readonly [field: string]: string },
  empty: Empty
): { readonly [field: string]: unknown } =>
  gathered(
    Object.entries(cells).flatMap(([name, cell]) => {
      const inside = insideOf(fields, name)
      const at = inside ?? { field: name, key: undefined }
      if (cell === "") {
        const meaning = emptyOf(empty, name)
        return meaning === "absent" ? [] : [{ ...at, value: meaning === "null" ? null : cell }]
      }
      return [{ ...at, value: read(takesOf(fields, name), cell) }]
    })
  )

/** Values by field, of which some are inside an object. */
const gathered = (
  values: ReadonlyArray<{ readonly field: string; readonly key: string | undefined; readonly value: unknown }>
): { readonly [field: string]: unknown } => {
  const inner = new Map<string, Array<readonly [string, unknown]>>()
  const whole: Array<readonly [string, unknown]> = []
  for (const { field, key, value } of values) {
    if (key === undefined) whole.push([field, value])
    else inner.set(field, [...(inner.get(field) ?? []), [key, value]])
  }
  return Object.fromEntries([
    ...whole,
    ...[...inner].map(([field, keys]) => [field, Object.fromEntries(keys)] as const)
  ])
}

/**
 * What a field takes, also where it is inside another.
 *
 * @category getters
 * @since 0.1.0
 */
export const takesOf = (fields: Fields, name: string): number => {
  const named = fields.named.get(name)
  if (named !== undefined) return named.takes
  const inside = insideOf(fields, name)
  if (inside === undefined) return fields.others ?? 0
  const inner = fields.inner.get(inside.field)
  return inner?.named.get(inside.key)?.takes ?? inner?.others ?? 0
}

/**
 * The same of cells by field name.
 *
 * @category decoding
 * @since 0.1.0
 */
export const issuesOfAll = (fields: Fields, cells: { readonly [field: string]: string }): ReadonlyArray<InputIssue> =>
  Object.entries(cells).flatMap(([name, cell]) => issues(takesOf(fields, name), cell, name, insideOf(fields, name)))

/**
 * Whether a field takes its cell as it is.
 *
 * @category guards
 * @since 0.1.0
 */
export const isText = (takes: number): boolean => takes === 0 || (takes & TEXT) !== 0

/**
 * Whether a field reads `true` and `false` as booleans.
 *
 * @category guards
 * @since 0.1.0
 */
export const isBoolean = (takes: number): boolean => (takes & TEXT) === 0 && (takes & BOOLEAN) !== 0

/**
 * Whether a field reads numbers and nothing else.
 *
 * @category guards
 * @since 0.1.0
 */
export const isNumber = (takes: number): boolean => takes === NUMBER

/**
 * Whether a name that stands in a source may be repeated in a message: it reads as the name of a column,
 * not as an email address, a phone number or a sentence.
 *
 * @category guards
 * @since 0.1.0
 */
export const isShowable = (name: string): boolean => /^[\p{L}_][\p{L}\p{N}\p{M} _.:/()-]{0,63}$/u.test(name)

/**
 * The candidate that a misspelt name most likely stands for, if one is near.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nearest = (name: string, candidates: Iterable<string>): string | undefined => {
  // Longer names are not shown, and comparing them would take long.
  if (name.length > 64) return undefined
  const plain = simplify(name)
  if (plain === "") return undefined
  let best: string | undefined
  let least = Math.max(2, plain.length / 3) + 1
  for (const candidate of candidates) {
    const distance = editDistance(plain, simplify(candidate))
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

const simplify = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "")

/** Levenshtein's: how many letters to change, add or take away. */
const editDistance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const change = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}

/**
 * A column that is read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Column {
  /** 0-based, in the header. */
  readonly index: number
  readonly field: string
  /** Where it is inside of another field. */
  readonly inside: Inside | undefined
  readonly takes: number
  readonly empty: EmptyCell
  /** What it means that a row ends before it, where that is not what an empty cell means. */
  readonly lacking?: EmptyCell | undefined
  /** What more is done to its cell before it is the value of the field, where a mapping says it. */
  readonly copy?: Copy | undefined
}

/**
 * How the cell of a column becomes the value of a field, where no more than this is done to it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Copy {
  readonly field: string
  readonly takes: number
  readonly empty: EmptyCell
  /** White space around it is taken off. */
  readonly trims: boolean
  /** Words in lower case, and the JSON of what they mean; any other text is none of them. */
  readonly words: ReadonlyMap<string, string> | undefined
}
