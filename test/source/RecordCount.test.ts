import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import * as ReachSchema from "../../src/reach/ReachSchema.ts"
import * as CustomerFile from "../../src/source/CustomerFile.ts"
import * as RecordCount from "../../src/source/RecordCount.ts"
import * as Encode from "../../src/sync/record/Encode.ts"
import * as Source from "../../src/sync/record/Source.ts"

describe("RecordCount", () => {
  it.effect("is near before the end, exact at the end, and the source stays one that can be taken up", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = `${yield* fs.makeTempDirectoryScoped()}/c.csv`
        const count = 60_000
        const rows = Array.from({ length: count }, (_, index) => `c-${index},Zoë`)
        yield* fs.writeFileString(path, ["customerId,firstName", ...rows].join("\n"))
        const file = CustomerFile.read(path, ReachSchema.CustomerPatch)
        const { size } = yield* fs.stat(path)
        const watched = RecordCount.watch(file, { size: Number(size) })
        assert.isUndefined(watched.total())
        const estimates: Array<number> = []
        yield* Stream.runForEachArray(watched.records, () =>
          Effect.sync(() => {
            const total = watched.total()
            if (total !== undefined) estimates.push(total)
          })
        )
        assert.isAbove(estimates.length, 1)
        for (const total of estimates) assert.closeTo(total, count, count * 0.1)
        assert.strictEqual(watched.total(), count)
        assert.deepStrictEqual(yield* watched.records.fingerprint, yield* file.fingerprint)

        const recount = () => Effect.succeed([])
        const ofAll = RecordCount.watch(Source.make({ ...Source.shared(file), recount }), { size: undefined }).records
        assert.isTrue(ofAll.shared)
        assert.isDefined(ofAll.recount)

        const coded = RecordCount.watch(file, { size: Number(size) })
        const encoder = Encode.encoder(BatchPolicy.make(), ReachDestination.batchPatch())
        const encoded = coded.records.encoded?.(encoder)
        assert.isDefined(encoded)
        assert.lengthOf(yield* Stream.runCollect(encoded(undefined)), count)
        assert.strictEqual(coded.total(), count)

        const blind = RecordCount.watch(file, { size: undefined })
        yield* Stream.runDrain(Stream.take(blind.records, 15_000))
        assert.isUndefined(blind.total())
        yield* Stream.runDrain(blind.records)
        assert.strictEqual(blind.total(), count)
      })
    ).pipe(Effect.provide(NodeServices.layer))
  )
})
