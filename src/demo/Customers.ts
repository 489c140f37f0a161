/** The demo's input: a CSV of customers from a seed, some of its rows broken, and what must come of it. */
import { shuffle } from "../sandbox/Seeded.ts"

const firstNames: readonly [string, ...Array<string>] = [
  "Ada",
  "Zoë",
  "José",
  "Мария",
  "李娜",
  "さくら",
  "عمر",
  "Ngọc",
  "Łukasz",
  "Siân",
  "Anaïs",
  "O'Neil"
]
const lastNames: readonly [string, ...Array<string>] = [
  "Lovelace",
  "Müller",
  "Nguyễn",
  "王",
  "Иванова",
  "Null",
  "true",
  'Smith "Smitty"',
  "Doe, Jr.",
  "Two\nLines",
  "😀"
]

const header = "customerId,email,phone,firstName,lastName,emailOptOut,smsOptOut,customerDetailUrl,createdAt"

const cell = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** The address that the demo's vendor refuses, for reasons of its own. */
export const refusedEmail = "eve@refused.example"

/** The kinds of broken rows, each made of the cells of a good one. */
const breakages: ReadonlyArray<readonly [kind: string, row: (cells: ReadonlyArray<string>) => string]> = [
  ["one cell alone", ([id = ""]) => cell(id)],
  ["a cell too many", (cells) => [...cells, "surplus"].map(cell).join(",")],
  ["a quote inside an unquoted cell", ([id, , ...rest]) => [id, 'ev"e@example.com', ...rest.map(cell)].join(",")],
  ["text after a closing quote", ([id, , ...rest]) => [id, '"eve"@example.com', ...rest.map(cell)].join(",")],
  ["a quote that never closes", ([id, , ...rest]) => [id, '"eve@example.com', ...rest.map(cell)].join(",")],
  ["no customer id", ([, ...rest]) => ["", ...rest].map(cell).join(",")],
  ["a date that is none", (cells) => [...cells.slice(0, -1), "2024-02-30T00:00:00Z"].map(cell).join(",")],
  ["a date without an offset", (cells) => [...cells.slice(0, -1), "2024-02-20 10:00:00"].map(cell).join(",")],
  // Nothing is wrong with this one here: only the vendor knows why not.
  [
    "a customer that the vendor refuses",
    ([id, , ...rest]) => [id, refusedEmail, ...rest].map((one) => cell(one ?? "")).join(",")
  ],
  ["a flag that is none", (cells) => [...cells.slice(0, 5), "perhaps", ...cells.slice(6)].map(cell).join(",")]
]

/** One row of the file. */
export interface Row {
  /** The row as it is written, without its line break. */
  readonly text: string
  /** What Reach must hold for it in the end; `undefined` for a broken row. */
  readonly customer: { readonly customerId: string; readonly [field: string]: string | boolean } | undefined
}

/**
 * The header, and `records` rows of which `broken` are broken, in places that the seed chooses. Each call of
 * `rows` makes them anew, so that they need not be kept.
 */
export const make = (options: {
  readonly records: number
  readonly broken: number
  readonly next: () => number
}): { readonly header: string; readonly row: (index: number) => Row } => {
  const { broken, next, records } = options
  const salt = Math.floor(next() * 0x7fffffff)
  const places = new Map(
    shuffle(
      Array.from({ length: records }, (_, index) => index),
      next
    )
      .slice(0, broken)
      .map((index, nth) => [index, breakages[nth % breakages.length]?.[1]])
  )
  // Multiplicative hashing: neighbours get different names, without a generator that must run in order.
  const pick = (names: readonly [string, ...Array<string>], index: number, prime: number): string =>
    names[(Math.imul(index + salt, prime) >>> 8) % names.length] ?? names[0]
  return {
    header,
    row: (index) => {
      const customerId = `c-${String(index).padStart(8, "0")}`
      const second = (salt % 1_000_000) + index
      const createdAt = new Date(Date.UTC(2020, 0, 1) + second * 1000).toISOString().replace(".000Z", "Z")
      const fields = {
        customerId,
        email: index % 7 === 0 ? "" : `${customerId}@example.com`,
        phone: index % 5 === 0 ? "" : `+1415555${String(index % 10_000).padStart(4, "0")}`,
        firstName: pick(firstNames, index, 2654435761),
        lastName: pick(lastNames, index, 2246822519),
        emailOptOut: index % 3 === 0 ? "true" : index % 3 === 1 ? "FALSE" : "",
        smsOptOut: index % 2 === 0 ? "1" : "false",
        customerDetailUrl: `https://shop.example/customers/${customerId}?from=patchbay`,
        // The same instant, written with the offset of some other place.
        createdAt:
          index % 4 === 0
            ? createdAt
            : new Date(Date.parse(createdAt) + 19_800_000).toISOString().replace(".000Z", "+05:30")
      }
      const cells = Object.values(fields)
      const breakage = places.get(index)
      // On one line: what is broken cannot be told to go on in the next.
      if (breakage !== undefined) {
        return { text: breakage(cells.map((text) => text.replaceAll("\n", " "))), customer: undefined }
      }
      const { emailOptOut, smsOptOut, ...texts } = { ...fields, createdAt }
      return {
        text: cells.map(cell).join(","),
        customer: {
          customerId,
          ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== "")),
          ...(emailOptOut === "" ? {} : { emailOptOut: emailOptOut === "true" }),
          smsOptOut: smsOptOut === "1"
        }
      }
    }
  }
}
