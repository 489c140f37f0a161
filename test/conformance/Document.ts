/**
 * How an OpenAPI 3.1 document becomes tables. A keyword that this file does not know is an error, so that
 * nothing the document says goes unread.
 */
import { inUrl, type Row, type Table, type Tables } from "./Table.ts"

type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }
type JsonObject = { readonly [key: string]: Json }

const object = (value: Json | undefined, what: string): JsonObject => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`No object: ${what}`)
  // `Array.isArray` does not narrow a `ReadonlyArray` away.
  return value as JsonObject
}

const list = (value: Json | undefined): ReadonlyArray<Json> => (Array.isArray(value) ? value : [])

const keywords = new Set([
  "$ref",
  "type",
  "format",
  "enum",
  "const",
  "default",
  "anyOf",
  "allOf",
  "properties",
  "required",
  "items",
  "additionalProperties",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "minimum",
  "maximum",
  "description",
  "title"
])

/** A schema without `$ref` and `allOf`. */
const resolve = (schema: JsonObject, document: JsonObject): JsonObject => {
  for (const keyword of Object.keys(schema)) {
    if (!keywords.has(keyword)) throw new Error(`Unknown keyword: ${keyword}`)
  }
  const { $ref, allOf, ...own } = schema
  const parts = list(allOf).map((part) => resolve(object(part, "allOf"), document))
  if (typeof $ref === "string") {
    const target = $ref
      .replace(/^#\//, "")
      .split("/")
      .reduce((value: JsonObject, key) => object(value[key], $ref), document)
    parts.push(resolve(target, document))
  }
  const merged: Record<string, Json> = { ...own }
  for (const [key, value] of parts.flatMap((part) => Object.entries(part))) {
    if (key in merged) throw new Error(`Said twice: ${key}`)
    merged[key] = value
  }
  return merged
}

interface Alternatives {
  readonly nullable: boolean
  readonly schemas: ReadonlyArray<JsonObject>
}

/** The alternatives of a schema, of one type each; null is taken out. */
const alternatives = (given: JsonObject, document: JsonObject): Alternatives => {
  const schema = resolve(given, document)
  const { anyOf, type, ...rest } = schema
  const members =
    anyOf !== undefined
      ? list(anyOf).map((member) => object(member, "anyOf"))
      : Array.isArray(type)
        ? type.map((one) => ({ ...rest, type: one }))
        : undefined
  if (members === undefined) {
    return schema.type === "null" ? { nullable: true, schemas: [] } : { nullable: false, schemas: [schema] }
  }
  const inner = members.map((member) => alternatives(member, document))
  return {
    nullable: inner.some(({ nullable }) => nullable),
    schemas: inner
      .flatMap(({ schemas }) => schemas)
      // A default beside `anyOf` holds for each of the alternatives.
      .map((one) => (anyOf === undefined || rest.default === undefined ? one : { ...one, default: rest.default }))
  }
}

const valuesOf = (schema: JsonObject): ReadonlyArray<Json> =>
  schema.const === undefined ? list(schema.enum) : [schema.const]

const span = (least: Json | undefined, greatest: Json | undefined): string =>
  least === undefined && greatest === undefined ? "" : `${least ?? ""}..${greatest ?? ""}`

const lengthOf = (schema: JsonObject): string =>
  span(schema.minLength ?? schema.minItems, schema.maxLength ?? schema.maxItems)

/** What the alternatives of one row have in common, in one row. */
const toRow = ({ nullable, schemas }: Alternatives): Row => {
  const types = [...new Set(schemas.map(({ type = "any" }) => String(type)))]
  const formats = [...new Set(schemas.map(({ format = "" }) => String(format)))].join(" | ")
  const lengths = [...new Set(schemas.map(lengthOf))].join(" | ")
  const ranges = [...new Set(schemas.map(({ maximum, minimum }) => span(minimum, maximum)))].join(" | ")
  const literals = schemas.flatMap(valuesOf).map((value) => JSON.stringify(value))
  const open = schemas.some((schema) => valuesOf(schema).length === 0)
  const fallback = schemas.find((schema) => schema.default !== undefined)?.default
  return {
    type: types.join(" | "),
    null: nullable || types.includes("any") ? "yes" : "no",
    ...(formats === "" ? {} : { format: formats }),
    ...(literals.length === 0 ? {} : { values: [...literals, ...(open ? ["..."] : [])].join(" | ") }),
    ...(fallback === undefined ? {} : { default: JSON.stringify(fallback) }),
    ...(lengths === "" ? {} : { length: lengths }),
    ...(ranges === "" ? {} : { range: ranges })
  }
}

const toTable = (document: JsonObject, operation: JsonObject): Table => {
  const schemes = object(object(document.components ?? {}, "components").securitySchemes ?? {}, "securitySchemes")
  const security = list(operation.security ?? document.security)
    .flatMap((requirement) => Object.keys(object(requirement, "security")))
    .map((name) => object(schemes[name], name))
    .map(({ scheme = "", type = "" }) => `${type} ${scheme}`)
  const servers = list(document.servers).map((server) => String(object(server, "server").url))
  const rows = new Map<string, Row>([
    ["endpoint", { server: servers.join(" | "), security: security.join(" | ") || "none" }]
  ])
  const add = (at: string, row: Row): void => {
    if (rows.has(at)) throw new Error(`Said twice: ${at}`)
    rows.set(at, row)
  }
  const addSchema = (at: string, schema: JsonObject, context: Row, separator: string): void => {
    const found = alternatives(schema, document)
    const { schemas } = found
    const objects = schemas.filter(({ type }) => type === "object")
    const arrays = schemas.filter(({ type }) => type === "array")
    if (objects.length + arrays.length > 1) throw new Error(`Several structures: ${at}`)
    const extra = objects.map(({ additionalProperties: more }) => {
      if (more === undefined || more === true) return "allowed"
      if (more === false) return "refused"
      throw new Error(`Typed additional properties: ${at}`)
    })[0]
    add(at, { ...context, ...toRow(found), ...(extra === undefined ? {} : { extra }) })
    for (const { properties = {}, required } of objects) {
      for (const [name, field] of Object.entries(object(properties, at))) {
        const presence = list(required).includes(name) ? "yes" : "no"
        addSchema(`${at}${separator}${name}`, object(field, name), { required: presence }, ".")
      }
    }
    for (const { items = {} } of arrays) addSchema(`${at}[]`, object(items, at), {}, ".")
  }
  const addContent = (at: string, content: Json | undefined, context: Row): void => {
    const media = Object.entries(object(content ?? {}, at))
    if (media.length > 1) throw new Error(`Several media types: ${at}`)
    if (media.length === 0) add(at, context)
    for (const [name, type] of media) {
      addSchema(at, object(object(type, name).schema, name), { ...context, media: name }, " ")
    }
  }
  for (const entry of list(operation.parameters)) {
    const parameter = object(entry, "parameter")
    const required = parameter.required === true ? "yes" : "no"
    const found = alternatives(object(parameter.schema, "parameter"), document)
    add(`${parameter.in} ${parameter.name}`, inUrl({ required, ...toRow(found) }))
  }
  if (operation.requestBody !== undefined) {
    const { content, required } = object(operation.requestBody, "requestBody")
    addContent("body", content, { required: required === true ? "yes" : "no" })
  }
  for (const [status, answer] of Object.entries(object(operation.responses, "responses"))) {
    addContent(status, object(answer, status).content, {})
  }
  return rows
}

/** The tables of a document, which need not be typed as one. */
export const toTables = (openApi: object): Tables => {
  // A document is JSON by definition; going through text makes it so.
  const document = object(JSON.parse(JSON.stringify(openApi)), "document")
  return new Map(
    Object.entries(object(document.paths, "paths")).flatMap(([path, operations]) =>
      Object.entries(object(operations, path)).map(([method, operation]): [string, Table] => [
        `${method.toUpperCase()} ${path}`,
        toTable(document, object(operation, path))
      ])
    )
  )
}
