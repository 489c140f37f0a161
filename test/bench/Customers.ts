/**
 * The bench's customers, from a seed: the same in every run, whoever asks for them and in whatever order.
 */

import { once } from "node:events"
import { createReadStream, createWriteStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import { createGzip } from "node:zlib"
import { make as seeded } from "../../src/sandbox/Seeded.ts"

/** One customer as JSON holds it. Every cell is plain, so that a naive split of the CSV reads it too. */
export interface Customer {
  readonly customerId: string
  readonly firstName: string
  readonly lastName: string
  readonly createdAt: string
  readonly email: string | undefined
  readonly phone: string
  readonly emailOptOut: boolean
  readonly smsOptOut: boolean
  readonly customerDetailUrl: string
}

export const columns = [
  "customerId",
  "firstName",
  "lastName",
  "createdAt",
  "email",
  "phone",
  "emailOptOut",
  "smsOptOut",
  "customerDetailUrl"
] as const

const firstNames = ["Ada", "Zoë", "José", "Мария", "李娜", "Katherine", "Ngọc", "Łukasz", "Grace", "Anaïs", "Evelyn"]
const lastNames = ["Lovelace", "Müller", "Nguyễn", "王", "Иванова", "Johnson", "Hopper", "Hamilton", "Boyd-Granville"]

const firstCreated = Date.UTC(2020, 0, 1)

/** The customer at an index. About 230 bytes as a row of CSV. */
export const make = (seed: number): ((index: number) => Customer) => {
  const salt = Math.floor(seeded(`bench/${seed}`)() * 0x7fffffff)
  return (index) => {
    // Neighbours differ, without a generator that must run in order.
    const chance = Math.imul(index ^ salt, 2654435761) >>> 0
    const id = String(index).padStart(10, "0")
    const hex = chance.toString(16).padStart(8, "0")
    return {
      customerId: `customer-${id}`,
      firstName: firstNames[chance % firstNames.length] ?? "",
      lastName: lastNames[(chance >>> 8) % lastNames.length] ?? "",
      createdAt: new Date(firstCreated + index * 1000).toISOString().replace(".000Z", "Z"),
      email: chance % 16 === 0 ? undefined : `customer.${id}@mail-${hex}.example.com`,
      phone: `+1415${String(chance % 10_000_000).padStart(7, "0")}`,
      emailOptOut: chance % 3 === 0,
      smsOptOut: chance % 2 === 0,
      customerDetailUrl: `https://shop.example.com/back-office/customers/${id}/overview?campaign=${hex}&source=bench`
    }
  }
}

/** The customer as a row of CSV; absent fields are empty cells. */
export const asCells = (customer: Customer): string => columns.map((column) => customer[column] ?? "").join(",")

/** The same CSV as those contenders read it who want it compressed, or in UTF-16. */
export const dressed = async (
  csv: string,
  contenders: ReadonlyArray<string>
): Promise<{ readonly gzip?: string; readonly utf16?: string }> => {
  const [gzip, utf16] = [`${csv}.gz`, `${csv}.utf16.csv`]
  const wantsGzip = contenders.some((id) => id === "patchbay-gzip" || id === "gunzip")
  const wantsUtf16 = contenders.includes("patchbay-utf16")
  if (wantsGzip) await pipeline(createReadStream(csv), createGzip(), createWriteStream(gzip))
  if (wantsUtf16) {
    await pipeline(createReadStream(csv, "utf8"), inUtf16, createWriteStream(utf16))
  }
  return { ...(wantsGzip ? { gzip } : {}), ...(wantsUtf16 ? { utf16 } : {}) }
}

async function* inUtf16(texts: AsyncIterable<string>) {
  yield Buffer.from("\uFEFF", "utf16le")
  for await (const text of texts) yield Buffer.from(text, "utf16le")
}

const rowsAtOnce = 2000

/** Writes the first `records` customers as CSV, as NDJSON, or as both. */
export const write = async (options: {
  readonly records: number
  readonly seed: number
  readonly csv: string
  readonly ndjson: string | undefined
}): Promise<void> => {
  const customer = make(options.seed)
  const writeLines = async (path: string, head: string, line: (customer: Customer) => string) => {
    const file = createWriteStream(path)
    file.write(head)
    for (let from = 0; from < options.records; from += rowsAtOnce) {
      let text = ""
      for (let index = from; index < Math.min(options.records, from + rowsAtOnce); index++) {
        text += `${line(customer(index))}\n`
      }
      if (!file.write(text)) await once(file, "drain")
    }
    file.end()
    await once(file, "close")
  }
  await writeLines(options.csv, `${columns.join(",")}\n`, asCells)
  if (options.ndjson !== undefined) await writeLines(options.ndjson, "", (customer) => JSON.stringify(customer))
}
