import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { KeyOwners } from "../../../src/sync/batch/KeyOwners.ts"
import * as KeyHash from "../../../src/sync/record/KeyHash.ts"

// Many of them want the same slot, in a small table and in a large one; some are of the last slots, behind which it goes on
// with the first.
const key = Schema.Literals([
  0,
  1,
  2,
  511,
  1023,
  1024,
  2047,
  2048,
  4095,
  -1,
  -2,
  -1024,
  0x7fffffff,
  -0x80000000,
  1 << 20
])
const steps = Schema.Array(
  Schema.Struct({ key, owner: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })), takes: Schema.Boolean })
)

describe("KeyOwners", () => {
  it.effect.prop(
    "knows who took a key last, and nobody once that one gave it back",
    { steps, crowd: Schema.Literals([0, 400, 3000]) },
    ({ crowd, steps }) =>
      Effect.sync(() => {
        const owners = new KeyOwners()
        const model = new Map<number, number>()
        const take = (key: number, owner: number) => {
          assert.strictEqual(owners.take(key, owner), model.get(key) ?? 0)
          model.set(key, owner)
        }
        const give = (key: number, owner: number) => {
          owners.give(key, owner)
          if (model.get(key) === owner) model.delete(key)
        }
        for (let i = 0; i < crowd; i++) take(KeyHash.of(`crowd ${i}`), 5)
        for (const { key, owner, takes } of steps) (takes ? take : give)(key, owner)
        for (let i = 0; i < crowd; i += 2) give(KeyHash.of(`crowd ${i}`), 5)
        for (const key of [...model.keys(), 3, 512]) take(key, 6)
      })
  )
})

describe("KeyHash", () => {
  it("is an integer of 32 bits that hardly two keys of a run share", () => {
    const hashes = new Set<number>()
    for (let i = 0; i < 100_000; i++) {
      const hash = KeyHash.of(`customer-${String(i).padStart(10, "0")}`)
      assert.strictEqual(hash, hash | 0)
      hashes.add(hash)
    }
    // By chance one or two pairs of 100,000 do.
    assert.isAtLeast(hashes.size, 99_990)
  })

  it("spreads over the low bits, by which a table is searched", () => {
    const slots = new Set<number>()
    for (let i = 0; i < 1000; i++) slots.add(KeyHash.of(`c-${i}`) & 1023)
    // Chance leaves 1024 * (1 - 1 / e) of them in use.
    assert.isAtLeast(slots.size, 600)
  })
})
