import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Senders from "../../src/policy/Senders.ts"
import * as TenantSync from "../../src/tenants/TenantSync.ts"
import * as TenantWorld from "./TenantWorld.ts"

const isSoak = process.env.SOAK !== undefined
const count = isSoak ? 10_000 : 200
const concurrency = isSoak ? 64 : 8
const slice = 10_000

/** Numbers from 0 to 1, the same each time. */
const seeded = (seed: number) => () => {
  seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32
  return seed / 2 ** 32
}

/** Tenants that may send 1 to 1,000 requests a second, of which some take a minute and most take little. */
const tenants = (seed: number): ReadonlyArray<Required<Pick<TenantWorld.Tenant, "key" | "limit" | "records">>> => {
  const random = seeded(seed)
  return Array.from({ length: count }, (_, index) => ({
    key: `t-${index}`,
    limit: Math.round(1000 ** random()),
    records: 1 + Math.floor(60 ** random())
  }))
}

const timeAlone = ({ limit, records }: { readonly limit: number; readonly records: number }) => (records * 1000) / limit

describe("many tenants with limits from 1 to 1,000 a second", () => {
  it.effect(
    "the last one ends no later than any order of work keeps it to, and nobody waits for long",
    () =>
      Effect.gen(function* () {
        const world = TenantWorld.make()
        const all = tenants(1)
        const report = yield* Effect.provide(
          TenantWorld.inVirtualTime(
            TenantSync.run({ key: ({ key }: TenantWorld.Tenant) => key, sync: world.sync, concurrency, slice })(
              Stream.fromIterable(all)
            )
          ),
          Senders.layerApart
        )
        assert.deepInclude(report.tenants, { Done: count })
        const records = all.reduce((sum, { records }) => sum + records, 0)
        assert.strictEqual(report.report.outcomes.Applied, records)
        assert.lengthOf(world.sent, records, "nothing was sent twice")
        assert.isAtMost(world.most(), concurrency)

        const total = all.reduce((sum, one) => sum + timeAlone(one), 0)
        const best = Math.max(total / concurrency, ...all.map(timeAlone))
        const last = world.sent.reduce((latest, { at }) => Math.max(latest, at), 0)
        // From the end of one turn to the next one, and from the start to the first.
        const begins = new Map<string, number>()
        for (const { at, tenant } of world.turns) if (!begins.has(tenant)) begins.set(tenant, at)
        const lateness = all.map(({ key }, index) => {
          // In line before it are those that came earlier, each with one slice at most, and as many of these again.
          const before = all.slice(0, index).reduce((sum, one) => sum + Math.min(timeAlone(one), slice), 0)
          return (begins.get(key) ?? Number.POSITIVE_INFINITY) - (2 * before) / concurrency
        })
        if (isSoak) {
          process.stdout.write(
            `${count} tenants, ${records} records, ${world.turns.length} turns: the last ended after ${(last / 1000).toFixed(1)} s, ` +
              `${(last / best).toFixed(3)} times the best possible; the first turn came at most ${(Math.max(...lateness) / 1000).toFixed(1)} s late\n`
          )
        }
        // Who starts as soon as a place is free ends by then, whatever the order (Graham's bound): less than twice the best. A
        // tenth is for what turns cost.
        assert.isAtMost(last, 1.1 * (total / concurrency + Math.max(...all.map(timeAlone))))
        assert.isAtMost(Math.max(...lateness), 2 * slice)
      }),
    isSoak ? 1_800_000 : undefined
  )
})
