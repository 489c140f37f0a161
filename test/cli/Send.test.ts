import { writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Fault, Sandbox, SandboxServer } from "../../src/sandbox/index.ts"
import * as Command from "./Command.ts"
import * as Golden from "./Golden.ts"
import * as InProcess from "./InProcess.ts"

const ada = { customerId: "c-1", firstName: "Ada", lastName: "Lovelace", createdAt: "2024-01-15T10:30:00Z" }
const credentials = { REACH_TOKEN: "the-token", POCKETFLOWS_USERNAME: "ada", POCKETFLOWS_PASSWORD: "the-password" }

const send = (args: ReadonlyArray<string>, options: Command.Options = {}) =>
  Effect.flatMap(SandboxServer.SandboxServer, ({ url }) =>
    Command.run(["send", ...args], {
      ...options,
      env: { ...credentials, REACH_BASE_URL: url, POCKETFLOWS_BASE_URL: url, ...options.env }
    })
  )
const fresh = Effect.tap(Sandbox.Sandbox, (sandbox) => Effect.andThen(sandbox.setFaults([]), sandbox.reset))

/** The same without a process. */
const call = (args: ReadonlyArray<string>, env: { readonly [name: string]: string } = {}) =>
  Effect.flatMap(SandboxServer.SandboxServer, ({ url }) =>
    InProcess.run(["send", ...args], { ...credentials, REACH_BASE_URL: url, POCKETFLOWS_BASE_URL: url, ...env })
  )

layer(SandboxServer.layer({ keepBodies: true }), { excludeTestServices: true })("patchbay send", (it) => {
  it.effect("creates a customer with every documented field, and prints the API's answer as JSON", () =>
    Effect.gen(function* () {
      const sandbox = yield* fresh
      const { code, stderr, stdout } = yield* send([
        ...["--to", "reach.create", "--tenant", "acme", "--on-conflict", "reject", "--timeout", "20s"],
        ...["--id", "c-1", "--first-name", "Ada", "--last-name", "Lovelace", "--created-at", "2024-01-15T10:30:00Z"],
        ...["--email", "ada@example.com", "--phone", "+14155550100", "--email-opt-out", "true"],
        ...["--sms-opt-out", "false", "--customer-detail-url", "https://example.com/c-1"]
      ])
      assert.deepStrictEqual([code, stderr], [0, ""])
      const stored = {
        ...ada,
        email: "ada@example.com",
        phone: "+14155550100",
        emailOptOut: true,
        smsOptOut: false,
        customerDetailUrl: "https://example.com/c-1"
      }
      assert.deepInclude(JSON.parse(stdout), { resourceExternalId: "c-1", data: stored })
      assert.deepStrictEqual((yield* sandbox.reachCustomers("acme")).get("c-1"), stored)
    })
  )

  it.effect("changes the fields that are given, deletes those that --delete names, and tries again what may pass", () =>
    Effect.gen(function* () {
      const sandbox = yield* fresh
      yield* sandbox.seedReach("acme", [{ ...ada, phone: "1", email: "a@b.c", emailOptOut: true }])
      yield* sandbox.setFaults([{ times: 1, fault: Fault.respond({ status: 503 }) }])
      const args = ["--to", "reach.patch", "--tenant", "acme", "--id", "c-1", "--last-name", "King", "--email", ""]
      const { code, stdout } = yield* send([...args, "--delete", "phone", "--delete", "email-opt-out"])
      assert.strictEqual(code, 0)
      assert.deepStrictEqual((yield* sandbox.reachCustomers("acme")).get("c-1"), {
        ...ada,
        lastName: "King",
        email: ""
      })
      assert.strictEqual(JSON.parse(stdout).result.data.lastName, "King")
      assert.lengthOf(yield* sandbox.requests, 2)
    })
  )

  it.effect("hands a customer from standard input over as a batch, and says how to follow it", () =>
    Effect.gen(function* () {
      const sandbox = yield* fresh
      const stdin = JSON.stringify({ customerId: "c-1", phone: null, loyalty: "gold" }, null, 2)
      const { code, stderr, stdout } = yield* send(["--to", "reach.batch-patch", "--ignore-unknown-fields"], { stdin })
      assert.strictEqual(code, 0)
      const { batchId, recordCount } = JSON.parse(stdout)
      assert.strictEqual(recordCount, 1)
      assert.strictEqual(stderr, `Reach applies it later. How it went: patchbay batch ${batchId} --wait\n`)
      yield* sandbox.idle
      assert.deepStrictEqual((yield* sandbox.reachCustomers("default")).get("c-1"), { customerId: "c-1" })
    })
  )

  it.effect("updates a customer of a business, with a base URL and an env file", () =>
    Effect.gen(function* () {
      const sandbox = yield* fresh
      const { url } = yield* SandboxServer.SandboxServer
      const folder = yield* Command.folder
      yield* sandbox.seedPocketflows("b-1", [{ id: "c-1", full_name: "Ada" }])
      writeFileSync(join(folder, "some.env"), "POCKETFLOWS_USERNAME=ada\n")
      const { code, stderr, stdout } = yield* Command.run(
        [
          ...["send", "--to", "pocketflows.batch-update", "--business", "b-1", "--env-file", "some.env"],
          ...["--base-url", url, "--id", "c-1", "--phone-number", "1", "--email-address", "a@b.c"],
          ...["--metadata", '{"plan":"gold"}', "--delete", "full-name"]
        ],
        { cwd: folder }
      )
      assert.deepStrictEqual([code, stderr], [0, ""])
      const [customer] = JSON.parse(stdout).customers
      const expected = {
        id: "c-1",
        phone_number: "1",
        email_address: "a@b.c",
        metadata: { plan: "gold" },
        full_name: null
      }
      assert.deepInclude(customer, expected)
    })
  )

  it.effect("what does not fit is not sent, and every issue is said: exit 2", () =>
    Effect.gen(function* () {
      const sandbox = yield* fresh
      const create = ["--to", "reach.create", "--id", "c-1", "--email-opt-out", "maybe", "--created-at", "yesterday"]
      const byOptions = yield* call([...create, "--full-name", "Ada"])
      assert.strictEqual(byOptions.code, 2)
      const stdin = JSON.stringify({ customerId: "", emial: "secret@example.com", phone: 5 })
      const byInput = yield* send(["--to", "reach.patch"], { stdin })
      const optOut = yield* send(["--to", "reach.batch-patch"], { stdin: '{"customerId":"c-1","smsOptOut":null}' })
      // What would be changed by being read, and sent so.
      const digits = '{"order":12345678901234567890}'
      const update = ["--to", "pocketflows.batch-update", "--business", "b-1"]
      const changed = yield* call([...update, "--id", "1", "--metadata", digits])
      const changedInput = yield* send(update, { stdin: `{"id":"1",\n"id":"2",\n"metadata":${digits}}` })
      for (const { code, stdout } of [byInput, optOut, changed, changedInput])
        assert.deepStrictEqual([code, stdout], [2, ""])
      Golden.check(
        "send-issues",
        [byOptions, byInput, optOut, changed, changedInput].map(({ stderr }) => stderr).join("\n")
      )
      assert.lengthOf(yield* sandbox.requests, 0)
    })
  )

  it.effect(
    "what the API refuses ends with 1 and its reasons, cleaned of secrets and of what commands a terminal",
    () =>
      Effect.gen(function* () {
        const sandbox = yield* fresh
        yield* sandbox.seedReach("acme", [ada])
        const unknown = yield* send(["--to", "reach.patch", "--id", "nobody", "--phone", "1"])
        const names = ["--first-name", "Ada", "--last-name", "King", "--created-at", "2024-01-15T10:30:00Z"]
        const create = ["--to", "reach.create", "--tenant", "acme", "--on-conflict", "reject", "--id", "c-1", ...names]
        const exists = yield* call(create)
        const errors = ["data.phone is no phone", "sent with Bearer the-token", "\u001b[2Jgone"]
        yield* sandbox.setFaults([{ fault: Fault.respond({ status: 400, body: { message: "No.", errors } }) }])
        const refused = yield* call(["--to", "reach.batch-patch", "--id", "c-1", "--phone", "1"])
        for (const { code, stdout } of [unknown, exists, refused]) assert.deepStrictEqual([code, stdout], [1, ""])
        Golden.check("send-refused", [unknown, exists, refused].map(({ stderr }) => stderr).join("\n"))
      })
  )

  it.effect("wrong credentials, and a vendor that is down, end with 3", () =>
    Effect.gen(function* () {
      const sandbox = yield* fresh
      const args = ["--to", "reach.patch", "--id", "c-1", "--phone", "1", "--retry-for", "1ms"]
      yield* sandbox.setFaults([{ times: 1, fault: Fault.respond({ status: 401, body: "Bearer the-token is bad" }) }])
      const credentials = yield* send(args)
      yield* sandbox.setFaults([
        { times: 1, fault: Fault.respond({ status: 429, retryAfter: "1 hour" }) },
        { times: 1, fault: Fault.respond({ status: 418, body: "<h1>teapot</h1>" }) }
      ])
      const busy = yield* call(args)
      const strange = yield* call(args)
      const down = yield* call(args, { REACH_BASE_URL: yield* closedUrl })
      for (const { code, stdout } of [credentials, busy, strange, down]) assert.deepStrictEqual([code, stdout], [3, ""])
      Golden.check("send-stopped", [credentials, busy, strange, down].map(({ stderr }) => stderr).join("\n"), [
        [/in [\d.]+ m?s\b/g, "in TIME"]
      ])
    })
  )

  it.effect("what may have been created is not sent again: exit 1", () =>
    Effect.gen(function* () {
      const sandbox = yield* fresh
      yield* sandbox.setFaults([{ times: 1, fault: Fault.reset("after") }])
      const names = ["--first-name", "Ada", "--last-name", "King", "--created-at", "2024-01-15T10:30:00Z"]
      const create = ["--to", "reach.create", "--on-conflict", "reject", "--id", "c-1", ...names]
      const { code, stderr } = yield* call(create)
      assert.strictEqual(code, 1)
      assert.match(stderr, /may have been applied, and is not safe to send again .*Check at the vendor/s)
      assert.lengthOf(yield* sandbox.requests, 1)
    })
  )
})

/** A URL of this machine where nothing listens. */
const closedUrl = Effect.callback<string>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" ? address?.port : undefined
    server.close(() => resume(Effect.succeed(`http://127.0.0.1:${port}`)))
  })
})

describe("patchbay send, called wrongly", () => {
  it.effect("says what is missing or does not go together, and sends nothing: exit 2", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      for (const args of [
        "--to reach.patch --id c-1 --phone 1",
        "--to pocketflows.batch-update --business b-1 --id c-1 --full-name Ada",
        "--to pocketflows.batch-update --id c-1",
        "--to pocketflows.batch-update --business b-1 --tenant acme --id c-1",
        "--to reach.patch --business b-1 --id c-1",
        "--to reach.patch --on-conflict reject --id c-1",
        "--to reach.patch --id c-1 --phone 1 --delete phone",
        "--to reach.patch --id c-1 --delete fone",
        "--to reach.patch --id c-1 --env-file missing.env"
      ]) {
        const { code, stderr } = yield* InProcess.run(["send", ...args.split(" ")])
        assert.strictEqual(code, 2, args)
        lines.push(`$ patchbay send ${args}\n${stderr}`)
      }
      Golden.check("send-usage", lines.join("\n"))
    })
  )

  it.live("says what standard input must hold: exit 2", () =>
    Effect.gen(function* () {
      const results = yield* Effect.forEach(
        ["", "[{}]"],
        (stdin) => Command.run(["send", "--to", "reach.patch"], { stdin }),
        { concurrency: 2 }
      )
      for (const { code } of results) assert.strictEqual(code, 2)
      Golden.check("send-input", results.map(({ stderr }) => stderr).join("\n"))
    })
  )
})
