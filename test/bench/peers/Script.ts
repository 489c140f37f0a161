/**
 * What a user would write by hand, and the same with what makes it safer.
 */
import { createReadStream } from "node:fs"
import Bottleneck from "bottleneck"
import { parse } from "csv-parse"
import pLimit from "p-limit"
import pRetry, { AbortError } from "p-retry"
import { z } from "zod"
import type { Job, Prepare } from "../Contender.ts"

type Row = { readonly [column: string]: string }

const flag = (cell: string | undefined): boolean | undefined =>
  cell === undefined || cell === "" ? undefined : cell === "true"

const fromRow = (row: Row): object => ({
  customerId: row.customerId,
  firstName: row.firstName || undefined,
  lastName: row.lastName || undefined,
  createdAt: row.createdAt || undefined,
  email: row.email || undefined,
  phone: row.phone || undefined,
  emailOptOut: flag(row.emailOptOut),
  smsOptOut: flag(row.smsOptOut),
  customerDetailUrl: row.customerDetailUrl || undefined
})

const text = z
  .string()
  .transform((cell) => (cell === "" ? undefined : cell))
  .optional()
const bool = z
  .enum(["true", "false", ""])
  .transform((cell) => (cell === "" ? undefined : cell === "true"))
  .optional()

const Customer = z.strictObject({
  customerId: z.string().min(1),
  firstName: text,
  lastName: text,
  createdAt: z.iso.datetime({ offset: true }).transform((instant) => new Date(instant)),
  email: text,
  phone: text,
  emailOptOut: bool,
  smsOptOut: bool,
  customerDetailUrl: text
})

const run = async (
  { batch, concurrency, csv, url }: Job,
  read: (row: Row) => object | undefined,
  around: (send: () => Promise<void>) => Promise<void>
): Promise<number> => {
  const limit = pLimit(concurrency)
  const underway = new Set<Promise<void>>()
  let records = 0

  const send = async (resources: ReadonlyArray<object>) => {
    const response = await fetch(`${url}/api/resources/customers/batch`, {
      method: "PATCH",
      headers: { "content-type": "application/json", authorization: "Bearer bench" },
      body: JSON.stringify({ resources })
    })
    if (response.status === 429 || response.status >= 500) throw new Error(`answered ${response.status}`)
    if (!response.ok) throw new AbortError(`answered ${response.status}`)
    await response.json()
    records += resources.length
  }

  const add = async (resources: ReadonlyArray<object>) => {
    const task = limit(() => around(() => send(resources))).finally(() => underway.delete(task))
    underway.add(task)
    // Or a slow server would have the whole file in memory.
    while (limit.pendingCount > 0) await Promise.race(underway)
  }

  let resources: Array<object> = []
  for await (const row of createReadStream(csv).pipe(parse({ columns: true }))) {
    const customer = read(row)
    if (customer === undefined) continue
    resources.push(customer)
    if (resources.length < batch) continue
    await add(resources)
    resources = []
  }
  if (resources.length > 0) await add(resources)
  await Promise.all(underway)
  return records
}

export const plain: Prepare = async (job) => () => run(job, fromRow, (send) => send())

export const checked: Prepare = async (job) => () => {
  // A limit that is never reached, since what it costs is to be measured, not what it does.
  const limiter = new Bottleneck({ maxConcurrent: job.concurrency, reservoir: 1e9 })
  return run(
    job,
    (row) => {
      const parsed = Customer.safeParse(row)
      return parsed.success ? parsed.data : undefined
    },
    (send) => pRetry(() => limiter.schedule(send), { retries: 5, randomize: true })
  )
}
