import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Fault, Sandbox, SandboxServer } from "../../src/sandbox/index.ts"
import * as Command from "./Command.ts"
import * as Golden from "./Golden.ts"
import * as InProcess from "./InProcess.ts"

const batchCommand = (args: ReadonlyArray<string>) =>
  Effect.flatMap(SandboxServer.SandboxServer, ({ url }) =>
    Command.run(["batch", ...args], { env: { REACH_TOKEN: "any", REACH_BASE_URL: url } })
  )

/** The same without a process. */
const call = (args: ReadonlyArray<string>) =>
  Effect.flatMap(SandboxServer.SandboxServer, ({ url }) =>
    InProcess.run(["batch", ...args], { REACH_TOKEN: "any", REACH_BASE_URL: url })
  )

/** A batch of the tenant `acme`, which comes to the end that its customer is called by. */
const accepted = (...customerIds: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { url } = yield* SandboxServer.SandboxServer
    const response = yield* Effect.promise(() =>
      fetch(`${url}/api/resources/customers/batch`, {
        method: "PATCH",
        headers: { authorization: "Bearer any", "content-type": "application/json", "reach-tenant-id": "acme" },
        body: JSON.stringify({ resources: customerIds.map((customerId) => ({ customerId })) })
      }).then((response) => response.json())
    )
    return String(response.data.batchId)
  })

const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
const standIns = [[uuid, "ID"]] as const

layer(
  SandboxServer.layer({
    reach: {
      unknownCustomer: "fail",
      queue: {
        delay: { min: "400 millis", max: "400 millis" },
        fate: ({ records: [first] }) =>
          first?.customerId === "fail" ? "fail" : first?.customerId === "stall" ? "stall" : "apply"
      }
    }
  }),
  { excludeTestServices: true }
)("patchbay batch", (it) => {
  it.effect("waits until the batch is applied, and says so as JSON and in words", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.setFaults([{ method: "GET", times: 1, fault: Fault.respond({ status: 503 }) }])
      yield* sandbox.seedReach("acme", [{ customerId: "c-1" }])
      const id = yield* accepted("c-1")
      const { code, stderr, stdout } = yield* batchCommand([id, "--tenant", "acme", "--wait"])
      assert.strictEqual(code, 0)
      assert.deepInclude(JSON.parse(stdout), { batchId: id, status: "success" })
      assert.match(stderr, /is applied: success, 1 of 1 records applied\.\n$/)
    })
  )

  it.effect("a batch with failed records, or one that is not known, ends with 1", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const failed = yield* accepted("fail")
      const partly = yield* accepted("c-1", "c-unknown")
      yield* sandbox.seedReach("acme", [{ customerId: "c-1" }])
      yield* sandbox.idle
      const [whole, part] = yield* Effect.all(
        [batchCommand([failed, "--tenant", "acme"]), batchCommand([partly, "--tenant", "acme", "--wait=10s"])],
        { concurrency: 2 }
      )
      const unknown = yield* call([partly, "--tenant", "other"])
      assert.deepStrictEqual([whole.code, part.code, unknown.code], [1, 1, 1])
      assert.strictEqual(JSON.parse(whole.stdout).status, "failed")
      assert.strictEqual(JSON.parse(part.stdout).status, "partial_success")
      Golden.check("batch-failed", [whole, part, unknown].map(({ stderr }) => stderr).join("\n"), standIns)
    })
  )

  it.effect("one that is not finished is no failure, unless it was waited for: exit 3", () =>
    Effect.gen(function* () {
      const id = yield* accepted("stall")
      const [asked, waited] = yield* Effect.all(
        [batchCommand([id, "--tenant", "acme"]), batchCommand([id, "--tenant", "acme", "--wait=1s"])],
        { concurrency: 2 }
      )
      assert.deepStrictEqual([asked.code, waited.code], [0, 3])
      assert.strictEqual(JSON.parse(waited.stdout).status, "pending")
      // How often it asks in a second is a matter of how soon it is answered.
      const again = [/(.* Asking again\.\n)+/g, "$1"] as const
      Golden.check("batch-pending", `${asked.stderr}\n${waited.stderr}`, [...standIns, again])
    })
  )

  it.effect("the status of another batch, and counts that are none, are no status of this one", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      for (const [data, told] of [
        ['{"batchId":"b-2","status":"success","progress":{"totalRecords":1,"successfulRecords":1}}', /another batch/],
        ['{"batchId":"b-1","status":"processing","progress":{"totalRecords":1e999}}', /totalRecords/]
      ] as const) {
        const body = `{"success":true,"data":${data}}`
        const headers = { "content-type": "application/json" }
        yield* sandbox.setFaults([{ method: "GET", fault: Fault.respond({ status: 200, headers, body }) }])
        const { code, stderr, stdout } = yield* call(["b-1"])
        assert.deepStrictEqual({ code, stdout }, { code: 3, stdout: "" })
        assert.match(stderr, told)
      }
      yield* sandbox.setFaults([])
    })
  )

  it.effect("credentials that are refused end with 3, and a wrong time with 2", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.setFaults([{ fault: Fault.respond({ status: 401 }) }])
      const calls = [yield* call(["b-1"]), yield* call(["b-1", "--wait=soon"]), yield* InProcess.run(["batch", "b-1"])]
      assert.deepStrictEqual(
        calls.map(({ code }) => code),
        [3, 2, 2]
      )
      Golden.check("batch-stopped", calls.map(({ stderr }) => stderr).join("\n"))
    })
  )
})
