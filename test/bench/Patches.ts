/**
 * The bench's customers as an app has them in memory: as a query brings them, each with its own texts, and for Patchbay's
 * schema with instants where it takes some.
 */
import * as DateTime from "effect/DateTime"
import type { ReachSchema } from "effect-patchbay"
import * as Customers from "./Customers.ts"

type Undated = Omit<ReachSchema.CustomerPatch, "createdAt">

/** What they have of dates. */
export type Dates = "dated" | "undated"

export const make = ({
  dates,
  records,
  seed
}: {
  readonly records: number
  readonly seed: number
  readonly dates: Dates
}): ReadonlyArray<ReachSchema.CustomerPatch> => {
  const customer = Customers.make(seed)
  return Array.from({ length: records }, (_, index): ReachSchema.CustomerPatch => {
    // A text that was put together is kept in its pieces until it is first read.
    const { createdAt, ...rest } = JSON.parse(JSON.stringify(customer(index))) as Undated &
      Pick<Customers.Customer, "createdAt">
    return dates === "dated" ? { ...rest, createdAt: DateTime.makeUnsafe(createdAt) } : rest
  })
}
