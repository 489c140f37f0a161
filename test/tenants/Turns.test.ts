import { assert, describe, it } from "@effect/vitest"
import * as Turns from "../../src/tenants/Turns.ts"

/** Two places, and what is asked of those who have one. */
const line = (places = 2) => {
  const started: Array<string> = []
  const called: Array<string> = []
  const turns = Turns.make<string>({
    places,
    start: (one) => started.push(one),
    callBack: (one) => called.push(one)
  })
  return { started, called, turns }
}

describe("the line of tenants", () => {
  it("starts as many as there are places, and the next in line when one leaves", () => {
    const { started, turns } = line()
    for (const one of ["a", "b", "c", "d"]) turns.stand(one)
    assert.deepStrictEqual(started, ["a", "b"])
    turns.left("b")
    assert.deepStrictEqual(started, ["a", "b", "c"])
    turns.stand("b")
    turns.left("a")
    turns.left("c")
    assert.deepStrictEqual(started, ["a", "b", "c", "d", "b"])
  })

  it("calls nobody back while nobody waits", () => {
    const { called, turns } = line()
    turns.stand("a")
    turns.stand("b")
    turns.mayGo("a", true)
    turns.mayGo("b", true)
    assert.deepStrictEqual(called, [])
  })

  it("calls back one for each who waits: whoever has had its turn for longest", () => {
    const { called, started, turns } = line(3)
    for (const one of ["a", "b", "c"]) turns.stand(one)
    for (const one of ["c", "a", "b"]) turns.mayGo(one, true)
    turns.stand("d")
    assert.deepStrictEqual(called, ["c"])
    turns.mayGo("c", true)
    assert.deepStrictEqual(called, ["c"], "once")
    turns.stand("e")
    assert.deepStrictEqual(called, ["c", "a"])
    turns.left("c")
    turns.left("a")
    assert.deepStrictEqual(started, ["a", "b", "c", "d", "e"])
    turns.stand("a")
    assert.deepStrictEqual(called, ["c", "a", "b"], "d and e have only begun")
  })

  it("calls nobody back who is busy again", () => {
    const { called, turns } = line()
    turns.stand("a")
    turns.stand("b")
    turns.mayGo("a", true)
    turns.mayGo("a", false)
    turns.stand("c")
    assert.deepStrictEqual(called, [])
    turns.mayGo("b", true)
    assert.deepStrictEqual(called, ["b"])
  })

  it("starts nobody once it is closed", () => {
    const { called, started, turns } = line()
    for (const one of ["a", "b", "c"]) turns.stand(one)
    turns.close()
    turns.mayGo("a", true)
    turns.left("b")
    assert.deepStrictEqual([started, called], [["a", "b"], []])
  })
})
