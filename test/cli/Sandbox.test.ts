import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Sandbox, SandboxServer } from "../../src/sandbox/index.ts"
import * as Command from "./Command.ts"
import * as Golden from "./Golden.ts"
import * as InProcess from "./InProcess.ts"

/** A sandbox that listens, with the variables that it says lead to it. */
const start = (args: ReadonlyArray<string>, cwd?: string) =>
  Effect.gen(function* () {
    const running = yield* Command.start(["sandbox", "--port", "0", ...args], { cwd })
    const text = yield* running.until(/POCKETFLOWS_PASSWORD=.*\n/, "stdout")
    const env = Object.fromEntries(
      text.split("\n").flatMap((line) => {
        const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? []
        return name === undefined || value === undefined ? [] : [[name, value] as const]
      })
    )
    return { ...running, env, url: String(env.REACH_BASE_URL) }
  })

const request = (url: string, method: string, path: string, body?: unknown) =>
  Effect.promise(async () => {
    const response = await fetch(`${url}/api/resources/customers${path}`, {
      method,
      headers: { authorization: "Bearer any", "content-type": "application/json", "reach-tenant-id": "acme" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    return { status: response.status, retryAfter: response.headers.get("retry-after"), body: await response.text() }
  })
const patch = (url: string, customerId = "c-1") =>
  request(url, "PATCH", "/batch", { resources: [{ customerId, phone: "1" }] })

const call = (...args: ReadonlyArray<string>) => InProcess.run(["sandbox", ...args])

describe("patchbay sandbox", () => {
  it.live("its standard output is an env file with which the other commands reach both vendors", () =>
    Effect.gen(function* () {
      const folder = yield* Command.folder
      const running = yield* start([])
      writeFileSync(join(folder, "sandbox.env"), yield* running.until(/POCKETFLOWS_PASSWORD=.*\n/, "stdout"))
      const stdin = '{"customerId":"c-1","phone":"1"}'
      const sent = yield* Command.run(["send", "--to", "reach.batch-patch", "--env-file", "sandbox.env"], {
        stdin,
        cwd: folder
      })
      assert.strictEqual(sent.code, 0, sent.stderr)
      yield* running.kill("SIGTERM")
      const terminated = yield* running.ended
      assert.deepStrictEqual([terminated.code, terminated.signal], [0, null])
      Golden.check("sandbox", `${terminated.stdout}\n${terminated.stderr}`, [[running.url, "URL"]])
    })
  )

  it.live("misbehaves as told, applies batches when told, and repeats its chance with the seed", () =>
    Effect.gen(function* () {
      const faults = ["--fault", "reach GET: 429 first 1, retry-after 2s", "--fault", "PATCH: 503@50%"]
      const statuses = (seed: string) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { url } = yield* start([...faults, "--seed", seed, "--reach-delay", "1h"])
            const limited = yield* request(url, "GET", "/batch")
            assert.deepInclude(limited, { status: 429, retryAfter: "2" })
            const answers = yield* Effect.forEach(Array.from({ length: 24 }), () => patch(url))
            const accepted = answers.find(({ status }) => status === 202)
            const { batchId } = JSON.parse(accepted?.body ?? "").data
            const status = yield* request(url, "GET", `/../../batches/${batchId}`)
            assert.strictEqual(JSON.parse(status.body).data.status, "pending")
            return answers.map(({ status }) => status)
          })
        )
      const [one, again, other] = yield* Effect.forEach(["7", "7", "8"], statuses, { concurrency: 2 })
      assert.deepStrictEqual(again, one)
      assert.notDeepEqual(other, one)
      assert.sameMembers([...new Set(one)], [202, 503])
    })
  )

  it.live("keeps its customers in a file from a stop to the next start", () =>
    Effect.gen(function* () {
      const folder = yield* Command.folder
      const file = join(folder, "state.ndjson")
      const args = ["--state", "state.ndjson", "--reach-delay", "300ms"]
      const stopped = yield* Effect.scoped(
        Effect.gen(function* () {
          const { ended, kill, url } = yield* start(args, folder)
          yield* patch(url, "c-1")
          yield* kill("SIGINT")
          return yield* ended
        })
      )
      assert.deepStrictEqual([stopped.code, stopped.signal], [0, null])
      assert.strictEqual(statSync(file).mode & 0o777, 0o600)
      const { ended, kill, url } = yield* start(args, folder)
      yield* Effect.sleep("600 millis")
      const known = yield* request(url, "PATCH", "/c-1", { data: { phone: "2" } })
      assert.strictEqual(known.status, 200)
      yield* kill("SIGTERM")
      const { code, stderr } = yield* ended
      assert.strictEqual(code, 0)
      assert.include(readFileSync(file, "utf8"), '"customer":{"customerId":"c-1","phone":"2"}')
      Golden.check("sandbox-state", [stopped.stderr, stderr].join("\n"), [[/http:\/\/127.0.0.1:\d+/g, "URL"]])
    })
  )

  it.live("does not start with a state that is broken or a port that is taken, and touches neither: exit 2", () =>
    Effect.gen(function* () {
      const folder = yield* Command.folder
      const file = join(folder, "state.ndjson")
      writeFileSync(file, "customerId\nc-1\n")
      mkdirSync(join(folder, "sub"))
      const { port, url } = yield* SandboxServer.SandboxServer
      yield* (yield* Sandbox.Sandbox).seedReach("acme", [{ customerId: "c-1" }])
      const calls = [
        ["--state", file],
        ["--state", join(folder, "sub")],
        ["--state", join(folder, "nowhere", "state.ndjson")],
        ["--port", String(port)],
        ["--fault", "reach: 503 first many"],
        ["--fault", "503@5%", "--fault", "reech: 503"]
      ]
      const lines: Array<string> = []
      for (const args of calls) {
        const { code, stderr } = yield* call(...args)
        assert.strictEqual(code, 2, args.join(" "))
        lines.push(`$ patchbay sandbox ${args.join(" ")}\n${stderr}`)
      }
      assert.strictEqual((yield* call("--port", "70000")).code, 2)
      assert.strictEqual(readFileSync(file, "utf8"), "customerId\nc-1\n")
      assert.strictEqual((yield* request(url, "PATCH", "/c-1", { data: { phone: "2" } })).status, 200)
      Golden.check("sandbox-usage", lines.join("\n"), [
        [folder, "DIR"],
        [String(port), "PORT"]
      ])
    }).pipe(Effect.provide(SandboxServer.layer()))
  )
})
