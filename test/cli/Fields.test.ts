import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SandboxServer } from "../../src/sandbox/index.ts"
import * as InProcess from "./InProcess.ts"
import * as World from "./World.ts"

layer(SandboxServer.layer({ reach: { fields: { loyaltyTier: "string", visits: "number" } } }), {
  excludeTestServices: true
})("--field", (it) => {
  it.effect("declares fields for sync, and retry is told of them", () =>
    Effect.gen(function* () {
      const { patchbay, sandbox, write } = yield* World.make
      write("c.csv", "customerId,loyaltyTier,visits\nc-1,007,12\nc-2,gold,many\n")
      const to = ["--to", "reach.batch-patch", "--tenant", "acme", "--progress", "none"]
      const unknown = yield* patchbay(["sync", "c.csv", ...to])
      assert.strictEqual(unknown.code, 2)
      const fields = ["--field", "loyaltyTier:string", "--field", "visits:number"]
      const sent = yield* patchbay(["sync", "c.csv", ...to, ...fields, "--dead-letters", "dead.ndjson"])
      assert.strictEqual(sent.code, 1, sent.stderr)
      assert.include(sent.stderr, "--field loyaltyTier:string --field visits:number")
      yield* sandbox.idle
      const stored = yield* sandbox.reachCustomers("acme")
      assert.deepStrictEqual([...stored.values()], [{ customerId: "c-1", loyaltyTier: "007", visits: 12 }])
      const again = yield* patchbay([
        "retry",
        "dead.ndjson",
        ...to,
        "--field",
        "loyaltyTier:string",
        "--field",
        "visits:string",
        "--dry-run"
      ])
      assert.match(again.stdout, /to be sent +1\n/)
    })
  )

  it.effect("declares fields of one customer, who comes on standard input, and of the answer that is printed", () =>
    Effect.gen(function* () {
      const { patchbay } = yield* World.make
      const stdin = JSON.stringify({
        customerId: "c-1",
        firstName: "Ada",
        lastName: "L",
        createdAt: "2024-01-15T10:30:00Z",
        visits: 3
      })
      const call = ["send", "--to", "reach.create", "--tenant", "acme"]
      assert.strictEqual((yield* patchbay(call, { stdin })).code, 2)
      const sent = yield* patchbay([...call, "--field", "visits:number"], { stdin })
      assert.strictEqual(sent.code, 0, sent.stderr)
      assert.strictEqual(JSON.parse(sent.stdout).data.visits, 3)
      const wrong = yield* patchbay([...call, "--field", "visits:boolean"], { stdin })
      assert.strictEqual(wrong.code, 2)
      assert.include(wrong.stderr, "visits")
    })
  )

  it.effect("declares keys of metadata for Pocketflows, and undeclared columns of it are texts", () =>
    Effect.gen(function* () {
      const { patchbay, sandbox, write } = yield* World.make
      yield* sandbox.seedPocketflows("b-1", [{ id: "p-1" }])
      write("c.csv", "id,metadata.plan,Seats\np-1,pro,12\n")
      const to = ["sync", "c.csv", "--to", "pocketflows.batch-update", "--business", "b-1", "--progress", "none"]
      const stored = Effect.map(sandbox.pocketflowsCustomers("b-1"), (all) => all.get("p-1")?.metadata)
      const text = yield* patchbay([...to, "--map", "metadata.seats=Seats"])
      assert.strictEqual(text.code, 0, text.stderr)
      assert.deepStrictEqual(yield* stored, { plan: "pro", seats: "12" })
      const fields = ["--field", "metadata.plan:string", "--field", "metadata.seats:number"]
      const number = yield* patchbay([...to, "--map", "metadata.seats=Seats", ...fields])
      assert.strictEqual(number.code, 0, number.stderr)
      assert.deepStrictEqual(yield* stored, { plan: "pro", seats: 12 })
    })
  )

  it.effect("says of a documented field whether a customer must have it", () =>
    Effect.gen(function* () {
      const { patchbay, write } = yield* World.make
      write("c.csv", "customerId,email,firstName\nc-1,a@example.com,\nc-2,,Ada\n")
      const plan = (...fields: ReadonlyArray<string>) =>
        Effect.map(
          patchbay([
            ...["sync", "c.csv", "--to", "reach.create", "--dry-run"],
            ...fields.flatMap((field) => ["--field", field])
          ]),
          ({ stderr, stdout }) => /to be sent +(\d+)/.exec(stdout)?.[1] ?? stderr
        )
      const optional = ["lastName:string", "createdAt:date-time"]
      assert.include(yield* plan(), "Every record needs lastName")
      assert.strictEqual(yield* plan(...optional, "firstName:string"), "2")
      assert.strictEqual(yield* plan(...optional, "firstName:string", "email:string!"), "1")
    })
  )

  it.effect("is refused where it cannot be meant", () =>
    Effect.gen(function* () {
      const { folder, write } = yield* World.make
      write("c.csv", "customerId\nc-1\n")
      const call = (to: ReadonlyArray<string>, ...fields: ReadonlyArray<string>) =>
        Effect.map(
          InProcess.run([
            ...["sync", join(folder, "c.csv"), "--dry-run", ...to],
            ...fields.flatMap((field) => ["--field", field])
          ]),
          ({ code, stderr }) => {
            assert.strictEqual(code, 2, stderr)
            return stderr
          }
        )
      const reach = ["--to", "reach.create"]
      assert.include(yield* call(reach, "customerId:string"), "--field customerId: this is a field already")
      assert.include(yield* call(reach, "email:number"), "Write --field email:string, with a !")
      assert.include(yield* call(reach, "a:string", "a:number"), "--field a is given more than once")
      assert.include(yield* call(reach, "a:text"), "a name and its type")
      const pocketflows = ["--to", "pocketflows.batch-update", "--business", "b-1"]
      assert.include(yield* call(pocketflows, "plan:string"), "Write --field metadata.plan:…")
      assert.include(yield* call(pocketflows, "metadata.plan:string!"), "Leave the ! out")
      assert.include(
        yield* call(pocketflows, "metadata.a:string", "metadata.a:string"),
        "--field metadata.a is given more than once"
      )
      const sandbox = yield* InProcess.run(["sandbox", "--port", "0", "--field", "customerId:string"])
      assert.deepStrictEqual([sandbox.code, sandbox.stderr.includes("is a field already")], [2, true])
    })
  )
})
