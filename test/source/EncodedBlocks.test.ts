import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import {
  Batch,
  Batches,
  BatchPolicy,
  CustomerFile,
  Encode,
  ReachDestination,
  ReachSchema,
  Source
} from "../../src/index.ts"
import * as KeyHash from "../../src/sync/record/KeyHash.ts"
import { bytesOf, openOf } from "./support.ts"

const reach = ReachDestination.batchPatch({ tenant: "acme" })

const count = 3000
const name = (i: number) => "x".repeat(i % 40)
const csv = `customerId,firstName\n${Array.from({ length: count }, (_, i) => `c-${i},${name(i)}\n`).join("")}`
const jsonOf = (i: number) => ({ customerId: `c-${i}`, ...(i % 40 === 0 ? {} : { firstName: name(i) }) })

const batchesOf = (policy: BatchPolicy.BatchPolicy, sizes: ReadonlyArray<number>, to = reach) => {
  const source = CustomerFile.read("a.csv", ReachSchema.CustomerPatch)
  return Source.encoded(
    source,
    Encode.encoder(policy, to)
  )(undefined).pipe(
    Stream.filter(Encode.isSendable),
    Batches.collect(policy, to),
    Stream.runCollect,
    Effect.provide(FileSystem.layerNoop({ open: openOf(bytesOf(csv), sizes) }))
  )
}

describe("records that are written where their body will be", () => {
  for (const [maxRecords, maxBytes] of [
    [500, 1_000_000],
    [500, 1000],
    [500, 100],
    [3, 1_000_000],
    [1, 1_000_000],
    [7, 400]
  ] as const) {
    for (const sizes of [[64 * 1024], [1000, 10], [100]]) {
      it.effect(`are whole, ${maxRecords} and ${maxBytes} bytes to a batch, ${sizes} bytes at a time`, () =>
        Effect.gen(function* () {
          const batches = yield* batchesOf(BatchPolicy.make({ maxRecords, maxBytes }), sizes)
          const decoder = new TextDecoder()
          let i = 0
          let blocks = 0
          for (const batch of batches) {
            const body = Batch.body(batch)
            assert.strictEqual(body.length, batch.bytes)
            assert.isAtMost(body.length, maxBytes)
            const resources = batch.records.map((_, at) => jsonOf(i + at))
            assert.deepStrictEqual(JSON.parse(decoder.decode(body)), { resources })
            if (body.buffer === batch.records[0].block.bytes.buffer) blocks++
            for (const record of batch.records) {
              assert.deepStrictEqual(JSON.parse(record.json), jsonOf(i))
              const { key, keyHash, line, offset } = record
              assert.deepStrictEqual([key, keyHash, line, offset], [`c-${i}`, KeyHash.of(`c-${i}`), i + 2, i])
              i++
            }
          }
          assert.strictEqual(i, count)
          // Nothing was copied, but where the source ended before the block did.
          assert.isAtLeast(blocks, batches.length - 1)
        })
      )
    }
  }

  it.effect("are one block also where more of them fit than are taken at once", () =>
    Effect.gen(function* () {
      const policy = BatchPolicy.make({ maxRecords: count, maxBytes: 1_000_000 })
      const [batch] = yield* batchesOf(policy, [256 * 1024], { ...reach, maxRecords: count })
      assert.isDefined(batch)
      assert.strictEqual(batch.records.length, count)
      assert.strictEqual(Batch.body(batch).buffer, batch.records[0].block.bytes.buffer)
    })
  )
})
