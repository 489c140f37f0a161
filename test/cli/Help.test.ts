import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CliConfig, CliOutput, Command as EffectCommand, GlobalFlag, type HelpDoc } from "effect/cli"
import * as SyncCommand from "../../src/cli/command/SyncCommand.ts"
import * as Help from "../../src/cli/Help.ts"
import * as SyncOptions from "../../src/cli/run/SyncOptions.ts"
import * as Command from "./Command.ts"
import * as Golden from "./Golden.ts"
import * as InProcess from "./InProcess.ts"

const commands = [
  [],
  ["sync"],
  ["retry"],
  ["dead-letters"],
  ["send"],
  ["batch"],
  ["checkpoint"],
  ["checkpoint", "show"],
  ["checkpoint", "reset"],
  ["worker"],
  ["submit"],
  ["runs"],
  ["runs", "show"],
  ["runs", "stop"],
  ["runs", "dead-letters"],
  ["sandbox"]
]

describe("patchbay --help", () => {
  for (const command of commands) {
    it.effect(`patchbay ${[...command, "--help"].join(" ")} tells all there is, on standard output`, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* InProcess.run([...command, "--help"])
        assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
        if (command[0] !== "checkpoint" || command.length > 1) assert.include(stdout, "EXAMPLES")
        for (const line of stdout.split("\n")) {
          assert.isTrue(line.length <= 100 || /^ {2}.*\bpatchbay /.test(line), `too long: ${line}`)
        }
        Golden.check(["help", ...command].join("-"), stdout)
      })
    )
  }

  it.effect("a call without a command says what there is, does nothing, and is no success", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* InProcess.run([])
      assert.deepStrictEqual({ code, stdout }, { code: 2, stdout: "" })
      assert.include(stderr, "SUBCOMMANDS")
    })
  )

  it.effect("is as wide as the terminal, if that is neither very wide nor very narrow, and says the same", () =>
    Effect.gen(function* () {
      const pages: Array<HelpDoc.HelpDoc> = []
      yield* EffectCommand.runWith(SyncCommand.command, { version: "1" })(["--help"]).pipe(
        Effect.provideService(CliOutput.Presenter, {
          present: (event) =>
            Effect.sync(() => {
              if (event._tag === "Help") pages.push(event.helpDoc)
            })
        }),
        Effect.provide([NodeServices.layer, CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })])
      )
      const [doc] = pages
      assert.isDefined(doc)
      const page = (columns: number | undefined, colors: boolean) => Help.render(doc, { columns, colors })
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's colours
      const plain = (text: string) => text.replaceAll(/\x1b\[\d+m/g, "")
      const texts = (text: string) => plain(text).replaceAll(/\s+/g, " ")
      for (const [columns, most] of [
        [70, 70],
        [5, 60],
        [500, 100],
        [undefined, 100]
      ] as const) {
        for (const line of page(columns, true).split("\n")) {
          // Commands are there to be copied; and what stands left of a text is not broken.
          if (!/^ {2}.*\bpatchbay /.test(plain(line))) {
            assert.isAtMost(plain(line).length, most, line)
          }
        }
        assert.strictEqual(plain(page(columns, true)), page(columns, false))
        assert.strictEqual(texts(page(columns, false)), texts(page(undefined, false)))
      }
    })
  )

  it.effect("is coloured where a terminal can show it, and NO_COLOR is heard", () =>
    Effect.gen(function* () {
      const coloured = yield* InProcess.run(["sync", "--help"], { FORCE_COLOR: "1" })
      const plain = yield* InProcess.run(["sync", "--help"], { FORCE_COLOR: "1", NO_COLOR: "1" })
      assert.include(coloured.stdout, "\x1b[")
      assert.notInclude(plain.stdout, "\x1b")
    })
  )

  it("the guide tells of every option of sync", () => {
    const guide = readFileSync(resolve(import.meta.dirname, "../../docs/command.md"), "utf8")
    const names = Object.keys(SyncOptions.flags).map(
      (name) => `--${name.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`
    )
    for (const name of ["--format", "--map", ...names]) assert.include(guide, `\`${name}`, name)
  })
})

describe("patchbay --completions", () => {
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    it.effect(`${shell} learns every command, option and word`, () =>
      Effect.gen(function* () {
        const { code, stdout } = yield* InProcess.run(["--completions", shell])
        assert.strictEqual(code, 0)
        for (const word of ["sync", "retry", "checkpoint", "sandbox", "dead-letters", "pocketflows.batch-update"]) {
          assert.include(stdout, word)
        }
        if (shell === "bash") execFileSync("bash", ["-n"], { input: stdout })
      })
    )
  }
})

describe("the built command", () => {
  it.live("tells its version, which is the package's", () =>
    Effect.gen(function* () {
      const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"))
      const result = yield* Command.run(["--version"])
      assert.deepStrictEqual(result, { code: 0, signal: null, stdout: `patchbay ${version}\n`, stderr: "" })
    })
  )

  for (const [version, isEnough] of [
    ["20.20.2", false],
    ["22.18.0", false],
    ["22.19.0", true],
    ["23.0.0", true]
  ] as const) {
    it.live(`${isEnough ? "runs with" : "says that it cannot run with"} Node ${version}`, () =>
      Effect.gen(function* () {
        const { engines } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"))
        const versions = `Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}})`
        const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(versions)}` }
        const { code, stderr } = yield* Command.run(["--version"], { env })
        const least = engines.node.replace(/^>=(\d+\.\d+)\.0$/, "$1")
        const told = `patchbay needs Node ${least} or later, and this is ${version}. Update Node.\n`
        assert.deepStrictEqual({ code, stderr }, isEnough ? { code: 0, stderr: "" } : { code: 2, stderr: told })
      })
    )
  }
})
