import { assert, describe, it } from "@effect/vitest"
import * as Done from "../../../src/sync/books/Done.ts"

const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => {
    const offset = from + index
    return { offset, position: { offset, place: { id: `row ${offset}` } } }
  })

const applied = (from: number, to: number) =>
  ({ tag: "Applied", reason: undefined, records: rows(from, to), forGood: true }) as const

describe("where reading goes on", () => {
  it("is the place of the first record without an outcome, where each record has one", () => {
    const done = Done.make(undefined)
    done.addPlaces(rows(0, 1000))
    done.add(applied(0, 700))
    assert.deepInclude(done.state(), { position: { offset: 700, place: { id: "row 700" } }, done: [] })
    done.add(applied(800, 900))
    assert.deepInclude(done.state(), { position: { offset: 700, place: { id: "row 700" } }, done: [[800, 900]] })
  })

  it("is a little before it once very many records wait, of which not every place is kept", () => {
    const done = Done.make(undefined)
    for (let from = 0; from < 300_000; from += 1000) done.addPlaces(rows(from, from + 1000))
    done.add(applied(0, 100_001))
    const { done: runs, position } = done.state()
    if (typeof position === "number") return assert.fail("it has no place")
    assert.isBelow(position.offset, 100_001, "all places are kept")
    assert.isAtLeast(position.offset, 100_001 - 32)
    assert.deepStrictEqual(position.place, { id: `row ${position.offset}` })
    assert.deepStrictEqual(runs, [[position.offset, 100_001]])
  })
})
