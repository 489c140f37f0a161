/**
 * The notation in which the contracts are written, and how it becomes tables.
 *
 * A shape is an object of shapes by field, a list of one shape (an array of it), or a text:
 *
 *     string          string(uuid)        number          boolean         a type, and its format
 *     "a" | "b"       "a" | "b" | ...     an enum; with `...` other values are possible
 *     string | null   boolean = false     null is a value; a default, as JSON
 *     {*}                                 an object whose fields nobody names
 *     unsaid                              its source does not say what it is
 *
 * A key that ends in `?` may be left out; one that ends in `~` is of unsaid requiredness.
 */
import { inUrl, type Row, type Table, type Tables } from "./Table.ts"

export type Shape = string | { readonly [field: string]: Shape } | readonly [Shape]

export interface EndpointContract {
  /** `reference`: an OpenAPI page, which says of each field whether null is a value. `guide`: prose, which does not. */
  readonly source: "reference" | "guide"
  /** Shapes by place and name: `query onconflict?`. */
  readonly parameters: { readonly [parameter: string]: string }
  /** Shapes of the bodies by name, `body` or `body?`. All bodies and answers are `application/json`. */
  readonly payload?: { readonly [body: string]: Shape }
  /** Shapes by status. */
  readonly answers: { readonly [status: string]: Shape }
}

export interface Contract {
  readonly server: string
  /** The security scheme, as its type and scheme; `none` where the page asks for none. */
  readonly security: string
  readonly endpoints: { readonly [methodAndPath: string]: EndpointContract }
}

const parseText = (text: string): Row => {
  const [, type = "", fallback] = /^(.*?)(?: = (.*))?$/.exec(text) ?? []
  const alternatives = type.split(" | ")
  const values = alternatives.filter((one) => one === "..." || one === "false" || one.startsWith('"'))
  const [named = typeof JSON.parse(values[0] ?? "null"), ...more] = alternatives.filter(
    (one) => one !== "null" && !values.includes(one)
  )
  const match = /^(string|number|boolean|unsaid|\{\*\})(?:\((.+)\))?$/.exec(named)
  if (match === null || more.length > 0) throw new Error(`No shape: ${text}`)
  const [, base = "", format] = match
  return {
    type: base === "{*}" ? "object" : base,
    null: alternatives.includes("null") ? "yes" : "no",
    ...(format === undefined ? {} : { format }),
    ...(values.length === 0 ? {} : { values: values.join(" | ") }),
    ...(fallback === undefined ? {} : { default: fallback }),
    ...(base === "{*}" ? { extra: "allowed" } : {})
  }
}

const parseKey = (key: string): { readonly name: string; readonly required: "yes" | "no" | "unsaid" } => {
  if (key.endsWith("?")) return { name: key.slice(0, -1), required: "no" }
  return key.endsWith("~") ? { name: key.slice(0, -1), required: "unsaid" } : { name: key, required: "yes" }
}

const isList = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape)

const toTable = (contract: Contract, endpoint: EndpointContract): Table => {
  const rows = new Map<string, Row>([["endpoint", { server: contract.server, security: contract.security }]])
  const add = (at: string, row: Row): void => {
    if (rows.has(at)) throw new Error(`Written twice: ${at}`)
    rows.set(at, row)
  }
  const addShape = (at: string, shape: Shape, context: Row, separator: string, nulls: Row): void => {
    if (typeof shape === "string") {
      add(at, { ...context, ...parseText(shape), ...nulls })
    } else if (isList(shape)) {
      add(at, { ...context, type: "array", null: "no", ...nulls })
      addShape(`${at}[]`, shape[0], {}, ".", nulls)
    } else {
      // OpenAPI allows unnamed fields wherever a page does not forbid them, and no page does.
      add(at, { ...context, type: "object", null: "no", extra: "allowed", ...nulls })
      for (const [key, field] of Object.entries(shape)) {
        const { name, required } = parseKey(key)
        addShape(`${at}${separator}${name}`, field, { required }, ".", nulls)
      }
    }
  }
  for (const [key, shape] of Object.entries(endpoint.parameters)) {
    const { name, required } = parseKey(key)
    add(name, inUrl({ required, ...parseText(shape) }))
  }
  for (const [key, shape] of Object.entries(endpoint.payload ?? {})) {
    const { name, required } = parseKey(key)
    addShape(name, shape, { required, media: "application/json" }, " ", {})
  }
  for (const [status, shape] of Object.entries(endpoint.answers)) {
    const nulls: Row = endpoint.source === "guide" ? { null: "unsaid" } : {}
    addShape(status, shape, { media: "application/json" }, " ", nulls)
  }
  return rows
}

/** The tables of a contract. */
export const toTables = (contract: Contract): Tables =>
  new Map(Object.entries(contract.endpoints).map(([name, endpoint]) => [name, toTable(contract, endpoint)]))
