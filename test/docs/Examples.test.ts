import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Ledger } from "../../src/index.ts"
import { Sandbox, SandboxServer } from "../../src/sandbox/index.ts"
import * as Examples from "../support/Examples.ts"

const root = resolve(import.meta.dirname, "../..")
// Inside the package, so that `effect-patchbay` is the package itself, as it is for its users.
const folder = join(root, "test/.examples")
const examples = Examples.all(root)
// Half of what an example takes is compiling the library, which is the same for all.
const cached = { NODE_COMPILE_CACHE: join(folder, "compile-cache") }
const file = (index: number) => join(folder, `example-${index}.ts`)

const node = (args: ReadonlyArray<string>, options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv }) =>
  Effect.promise(() =>
    promisify(execFile)(process.execPath, [...args], { ...options, timeout: 120_000 }).then(
      ({ stderr, stdout }) => ({ code: 0, stdout, stderr }),
      ({ code, stderr, stdout }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr })
    )
  )

const csv = `customerId,email,phone,firstName,lastName,emailOptOut,smsOptOut,customerDetailUrl,createdAt
c-1,ada@example.com,,Ada,"Lovelace, Countess",false,true,,2024-01-15T10:30:00+02:00
c-2,,+14155550100,Zoë,,,,,
broken
`

const forgetByHand = () => {
  rmSync(join(folder, ".by-hand"), { recursive: true, force: true })
  rmSync(join(folder, "by-hand.ndjson"), { force: true })
}
const lettersByHand = () =>
  readFileSync(join(folder, "by-hand.ndjson"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
    .map(({ offset, reason }) => [offset, reason.tag])

const expectations: {
  readonly [name: string]: (stdout: string, sandbox: Sandbox.Sandbox["Service"]) => Effect.Effect<void>
} = {
  sync: (stdout, sandbox) =>
    Effect.gen(function* () {
      assert.match(stdout, /applied\s+2\n/)
      assert.match(stdout, /rejected\s+1\n/)
      yield* sandbox.idle
      assert.deepStrictEqual((yield* sandbox.reachCustomers("acme")).get("c-2"), {
        customerId: "c-2",
        phone: "+14155550100",
        firstName: "Zoë"
      })
      const [letter] = readFileSync(join(folder, "dead-letters.ndjson"), "utf8").trimEnd().split("\n")
      assert.deepInclude(JSON.parse(letter ?? ""), { offset: 2, line: 4 })
    }),
  "files-json": (stdout) =>
    Effect.sync(() =>
      assert.strictEqual(stdout, "1: c-1\n1: rejected [ { path: [], message: 'The element is not JSON' } ]\n")
    ),
  tenants: (stdout, sandbox) =>
    Effect.gen(function* () {
      assert.match(stdout, /^tenants: 2 done, 1 failed\n {2}globex: SourceUnreadable\n/)
      assert.match(stdout, /\n {2}applied\s+4\n/)
      yield* sandbox.idle
      assert.strictEqual((yield* sandbox.reachCustomers("initech")).size, 2)
    }),
  files: (stdout) => Effect.sync(() => assert.strictEqual(stdout, "2: Zoë\n3: Jürgen\n")),
  "adding-a-destination": (stdout) =>
    Effect.sync(() => {
      assert.match(stdout, /applied\s+3\n/)
      assert.match(stdout, /rejected\s+1\n/)
      assert.include(stdout, "saved: 1, 2, 4")
    }),
  batches: (stdout) =>
    Effect.sync(() => {
      assert.strictEqual(
        stdout,
        '1 80 {"resources":[{"customerId":"c-1"},{"customerId":"c-2","phone":"+14155550100"}]}\n' +
          '2 36 {"resources":[{"customerId":"c-3"}]}\n'
      )
    }),
  "own-fields": (stdout) => Effect.sync(() => assert.strictEqual(stdout, "applied 1, rejected 1\n13 visits\n")),
  "own-metadata": (stdout) =>
    Effect.sync(() => assert.strictEqual(stdout, '{"id":"p-1","metadata":{"plan":"pro","seats":12}}\n{"id":"p-2"}\n')),
  dispatch: (stdout) => Effect.sync(() => assert.strictEqual(stdout, "b2\na0\na1\n")),
  unfinished: (stdout) => Effect.sync(() => assert.strictEqual(stdout, "c-1 and c-2\nc-3 and c-4\nc-1\n")),
  policies: (stdout) => Effect.sync(() => assert.strictEqual(stdout, "accepted 1\n")),
  source: (stdout) => Effect.sync(() => assert.strictEqual(stdout, "record 0: Valid\nrecord 2: Invalid\n")),
  isolate: (stdout) => Effect.sync(() => assert.match(stdout, /^record 5 is bad, found with \d requests\n$/)),
  "by-hand": (stdout) =>
    Effect.sync(() => {
      assert.strictEqual(stdout, `3 read: ${JSON.stringify({ ...Ledger.noCounts, Applied: 2, Rejected: 1 })}\n`)
      assert.deepStrictEqual(lettersByHand(), [[2, "Malformed"]])
    }),
  outcomes: (stdout) =>
    Effect.sync(() =>
      assert.deepStrictEqual(stdout.trimEnd().split("\n").sort(), ["0 Applied", "1 Rejected", "2 Applied"])
    ),
  mapping: (stdout) => Effect.sync(() => assert.strictEqual(stdout, "1 ada@example.org\nSkipped\n3 true\n")),
  call: (stdout) => Effect.sync(() => assert.include(stdout, "There is no such customer.")),
  sandbox: (stdout) =>
    Effect.sync(() => {
      assert.include(stdout, "{ customerId: 'c-1', firstName: 'Zoë' }")
      assert.include(stdout, "It asks to wait 7 s")
    })
}

describe("the examples in README, docs and comments", () => {
  it.live("all compile, as a user's code would", () =>
    Effect.gen(function* () {
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { recursive: true })
      for (const [index, { code }] of examples.entries()) writeFileSync(file(index), code)
      writeFileSync(
        join(folder, "tsconfig.json"),
        JSON.stringify({
          extends: "../../tsconfig.json",
          compilerOptions: { customConditions: ["source"], noUnusedLocals: false },
          include: ["*.ts"]
        })
      )
      const { code, stdout } = yield* node([join(root, "node_modules/typescript/bin/tsc"), "-p", folder], {
        cwd: root
      })
      const readable = stdout.replaceAll(
        /(?:test\/\.examples\/)?example-(\d+)\.ts/g,
        (_, n) => examples[Number(n)]?.place ?? "?"
      )
      assert.strictEqual(code, 0, readable)
      assert.isAtLeast(examples.length, 3)
    })
  )

  for (const [index, { name, place }] of examples.entries()) {
    it.live(`${place} runs`, () =>
      Effect.gen(function* () {
        const { url } = yield* SandboxServer.SandboxServer
        const sandbox = yield* Sandbox.Sandbox
        writeFileSync(join(folder, "customers.csv"), csv)
        rmSync(join(folder, "dead-letters.ndjson"), { force: true })
        rmSync(join(folder, ".patchbay/tenants"), { recursive: true, force: true })
        forgetByHand()
        const { code, stderr, stdout } = yield* node(["--conditions=source", file(index)], {
          cwd: folder,
          env: { ...process.env, ...cached, REACH_TOKEN: "any", REACH_BASE_URL: url, NO_COLOR: "1" }
        })
        assert.strictEqual(code, 0, stderr)
        if (name !== undefined)
          yield* expectations[name]?.(stdout, sandbox) ?? assert.fail(`Nobody knows what ${name} should do.`)
      }).pipe(Effect.provide(SandboxServer.layer()))
    )
  }

  it.live("what is composed by hand goes on where it was killed, and loses and repeats nothing that was accepted", () =>
    Effect.gen(function* () {
      const { url } = yield* SandboxServer.SandboxServer
      const sandbox = yield* Sandbox.Sandbox
      const program = file(examples.findIndex(({ name }) => name === "by-hand"))
      const rows = Array.from({ length: 1_200 }, (_, n) => `c-${n},${n === 700 ? "Refused" : "Ada"}\n`)
      writeFileSync(join(folder, "customers.csv"), `customerId,firstName\n${rows.join("")}broken\n`)
      forgetByHand()
      const env = { ...process.env, ...cached, REACH_TOKEN: "any", REACH_BASE_URL: url }
      const killed = spawn(process.execPath, ["--conditions=source", program], { cwd: folder, env, stdio: "ignore" })
      const exit = once(killed, "exit")
      const asked = Effect.map(sandbox.requests, (requests) =>
        requests.flatMap(({ method, path }) => (method === "GET" ? (path.split("/").at(-1) ?? []) : []))
      )
      while ((yield* asked).length === 0 && killed.exitCode === null) yield* Effect.sleep("5 millis")
      killed.kill("SIGKILL")
      yield* Effect.promise(() => exit)
      assert.strictEqual(killed.signalCode, "SIGKILL")
      const settling = new Set(yield* asked)
      yield* sandbox.idle

      const { code, stderr, stdout } = yield* node(["--conditions=source", program], { cwd: folder, env })
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(stdout, `1201 read: ${JSON.stringify({ ...Ledger.noCounts, Applied: 1_199, Rejected: 2 })}\n`)
      assert.deepStrictEqual(lettersByHand().sort(), [
        [1200, "Malformed"],
        [700, "BadRequest"]
      ])
      yield* sandbox.idle
      assert.strictEqual((yield* sandbox.reachCustomers("acme")).size, 1_199)
      const writes = yield* sandbox.writes
      const before = writes.filter(({ batchId }) => settling.has(batchId ?? ""))
      assert.isNotEmpty(before)
      for (const { key } of before)
        assert.lengthOf(
          writes.filter((write) => write.key === key),
          1
        )
    }).pipe(
      Effect.provide(
        SandboxServer.layer({
          reach: {
            naming: "none",
            queue: { delay: "800 millis" },
            refuse: ({ firstName }) => (firstName === "Refused" ? "not this one" : undefined)
          }
        })
      )
    )
  )
})
