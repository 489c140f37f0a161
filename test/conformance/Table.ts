/**
 * An endpoint as rows: one for each parameter, body, status and field, with everything that is said about
 * it. The contract and the generated OpenAPI document are both brought into this form and compared row by
 * row.
 */

/** What can be said about a row. A facet that makes no sense for a row is absent there. */
export interface Row {
  /** Where the API is served; on the row `endpoint` only. */
  readonly server?: string
  /** How a caller shows who it is; on the row `endpoint` only. */
  readonly security?: string
  /** The media type of a body or an answer. */
  readonly media?: string
  readonly required?: "yes" | "no" | "unsaid"
  readonly type?: string
  readonly format?: string
  /** The values of an enum as JSON; a last `...` says that there may be others. */
  readonly values?: string
  readonly default?: string
  readonly null?: "yes" | "no" | "unsaid"
  /** The least and the greatest length: `1..`, `1..1000`. */
  readonly length?: string
  /** The least and the greatest number: `0..100`. */
  readonly range?: string
  /** Whether an object may hold fields that are not named. */
  readonly extra?: "allowed" | "refused"
}

export type Facet = keyof Row | "row"

/**
 * Rows by place: `endpoint`, `query onconflict`, `body data.email`, `200`, `200 data.included[].id`.
 */
export type Table = ReadonlyMap<string, Row>

/** Tables by method and path: `PATCH /api/resources/customers/{externalId}`. */
export type Tables = ReadonlyMap<string, Table>

/** One facet of one row on which two tables differ; facet `row` where only one of them has the row. */
export interface Difference {
  readonly at: string
  readonly facet: Facet
  readonly theirs: string
  readonly ours: string
}

const absent = "absent"
const unnamed = "-"

const facets: ReadonlyArray<keyof Row> = [
  "server",
  "security",
  "media",
  "required",
  "type",
  "format",
  "values",
  "default",
  "null",
  "length",
  "range",
  "extra"
]

/** A row in one line, to be read: `required: no, type: string, null: no`. */
export const format = (row: Row): string =>
  facets.flatMap((facet) => (row[facet] === undefined ? [] : [`${facet}: ${row[facet]}`])).join(", ")

const isUnder = (place: string, ancestor: string): boolean =>
  place.startsWith(ancestor) && [" ", ".", "["].includes(place.charAt(ancestor.length))

/**
 * Every difference between two endpoints. Where our side lacks a row, the rows below it are not named
 * again; rows that only our side has are all named.
 */
export const differences = (theirs: Table, ours: Table): ReadonlyArray<Difference> => {
  const found: Array<Difference> = []
  const missing: Array<string> = []
  for (const [at, their] of theirs) {
    const our = ours.get(at)
    if (our !== undefined) {
      for (const facet of facets) {
        const [said, declared] = [their[facet] ?? unnamed, our[facet] ?? unnamed]
        if (said !== declared) found.push({ at, facet, theirs: said, ours: declared })
      }
    } else if (!missing.some((ancestor) => isUnder(at, ancestor))) {
      missing.push(at)
      found.push({ at, facet: "row", theirs: format(their), ours: absent })
    }
  }
  for (const [at, our] of ours) {
    if (!theirs.has(at)) found.push({ at, facet: "row", theirs: absent, ours: format(our) })
  }
  return found
}

/**
 * What a URL or a header can say is text, where the boolean `true` and the text `true` are one and the
 * same. So a row there that takes exactly the texts `true` and `false` is a boolean, on both sides.
 */
export const inUrl = (row: Row): Row => {
  const texts = row.type === "string" && (row.values === '"true" | "false"' || row.values === '"false" | "true"')
  if (!texts && row.type !== "boolean") return row
  const { values: _, ...rest } = row
  return {
    ...rest,
    type: "boolean",
    ...(row.default === undefined ? {} : { default: row.default.replaceAll('"', "") })
  }
}
