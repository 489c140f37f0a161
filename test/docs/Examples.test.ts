import { execFile } from "node:child_process"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Sandbox, SandboxServer } from "../../src/sandbox/index.ts"
import * as Examples from "../support/Examples.ts"

const root = resolve(import.meta.dirname, "../..")
// Inside the package, so that `effect-patchbay` is the package itself, as it is for its users.
const folder = join(root, "test/.examples")
const examples = Examples.all(root)
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
c-3,broken
`

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
  dispatch: (stdout) => Effect.sync(() => assert.strictEqual(stdout, "b2\na0\na1\n")),
  policies: (stdout) => Effect.sync(() => assert.strictEqual(stdout, "accepted 1\n")),
  outcomes: (stdout) =>
    Effect.sync(() =>
      assert.deepStrictEqual(stdout.trimEnd().split("\n").sort(), ["0 Applied", "1 Rejected", "2 Applied"])
    ),
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
        const { code, stderr, stdout } = yield* node(["--conditions=source", file(index)], {
          cwd: folder,
          env: { ...process.env, REACH_TOKEN: "any", REACH_BASE_URL: url, NO_COLOR: "1" }
        })
        assert.strictEqual(code, 0, stderr)
        if (name !== undefined)
          yield* expectations[name]?.(stdout, sandbox) ?? assert.fail(`Nobody knows what ${name} should do.`)
      }).pipe(Effect.provide(SandboxServer.layer()))
    )
  }
})
