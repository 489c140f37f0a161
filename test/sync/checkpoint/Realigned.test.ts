import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Seeded from "../../../src/sandbox/Seeded.ts"
import * as OffsetSet from "../../../src/sync/books/OffsetSet.ts"
import * as RunEnds from "../../../src/sync/books/RunEnds.ts"
import type { State } from "../../../src/sync/checkpoint/PlacedCheckpoint.ts"
import * as Realigned from "../../../src/sync/checkpoint/Realigned.ts"
import { state as stateOf } from "../../support/CheckpointStates.ts"

// Keys of a table, ascending: some are there when an earlier run reads them, and others when the next one does.
const world = (seed: number) => {
  const next = Seeded.make(`world ${seed}`)
  const chance = (p: number) => next() < p
  const was: Array<number> = []
  const is: Array<number> = []
  const stays = 1 - next() * 0.5
  const comes = next() * 0.3
  for (let key = 0; key < 200; key++) {
    if (chance(0.7)) {
      was.push(key)
      if (chance(stays)) is.push(key)
    } else if (chance(comes)) is.push(key)
  }
  const start = Math.floor(next() * 20)
  // Runs of records that are done, settling, or not yet.
  const fates: Array<"done" | "settling" | "open"> = []
  while (fates.length < was.length) {
    const fate = chance(0.4) ? "done" : chance(0.5) ? "settling" : "open"
    for (let n = 1 + Math.floor(next() * 12); n > 0; n--) fates.push(fate)
  }
  return { was, is, start, fates }
}

it.effect("a record that an earlier run did not send is never taken for one that it did, whatever came and went", () =>
  Effect.gen(function* () {
    let moved = 0
    for (let seed = 1; seed <= 400; seed++) {
      const { fates, is, start, was } = world(seed)
      const offsetsOf = (fate: string) =>
        was.flatMap((_, offset) => (offset >= start && fates[offset] === fate ? [offset] : []))
      const done = OffsetSet.make(start, OffsetSet.runsOf(offsetsOf("done")))
      const settling = OffsetSet.runsOf(offsetsOf("settling"))
      const ends = RunEnds.make([])
      const read = was.map((key, offset) => ({ position: { offset, place: key } })).slice(start)
      ends.add(read)
      const runs = start < done.watermark ? [[start, done.watermark] as const, ...done.runs()] : done.runs()
      // Twice, since what is forgotten in between must not be needed.
      ends.of([...runs, ...settling], done.has)
      const state: State = {
        ...stateOf(0, 0),
        position: { offset: start, place: was[start] },
        done: runs,
        settling: [{ batchId: "b", batch: 1, acceptedAt: 0, runs: settling }],
        ends: ends.of([...runs, ...settling], done.has)
      }
      const first = was[start] ?? 0
      const found = yield* Realigned.make(state, (_, places) =>
        Effect.succeed(
          places.map(
            ({ inclusive, place }) =>
              is.filter((key) => key >= first && (inclusive ? key <= Number(place) : key < Number(place))).length
          )
        )
      )
      if (found !== state) moved++
      const isDone = OffsetSet.make(0, found.done).has
      const isSettling = OffsetSet.make(0, found.settling[0]?.runs ?? []).has
      const now = is.filter((key) => key >= first)
      now.forEach((key, index) => {
        const offset = start + index
        const before = was.indexOf(key)
        if (before === -1) return
        const told = `seed ${seed}, key ${key}`
        assert.strictEqual(isDone(offset), done.has(before), told)
        assert.strictEqual(isSettling(offset), fates[before] === "settling", told)
      })
    }
    assert.isAbove(moved, 300)
  })
)
