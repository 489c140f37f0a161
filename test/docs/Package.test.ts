import { execFile } from "node:child_process"
import { globSync, readFileSync } from "node:fs"
import { copyFile, mkdtemp, readdir, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

const root = resolve(import.meta.dirname, "../..")
const run = promisify(execFile)

const sources = globSync("src/**/*.ts", { cwd: root })
const importsOf = (file: string): ReadonlyArray<string> =>
  [
    ...readFileSync(join(root, file), "utf8")
      // Examples in comments are of users.
      .replaceAll(/^ *\*.*$/gm, "")
      .matchAll(/^(?:import|export)\b[^"';]*?from "([^"]+)"|import\("([^"]+)"\)/gm)
  ].map(([, from, lazily]) => from ?? lazily ?? "")

describe("the package", () => {
  it("has a lock file that names no registry", () => {
    assert.notInclude(readFileSync(join(root, "package-lock.json"), "utf8"), '"resolved"')
  })

  it("brings what its command imports, and no more is imported than it brings", () => {
    const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
    const brought = Object.keys({ ...dependencies, ...peerDependencies })
    const imported = sources
      .filter((file) => !file.startsWith("src/demo/"))
      .flatMap(importsOf)
      .filter((specifier) => /^(?:@[^/]+\/)?[^./@:]+(?:\/|$)/.test(specifier) && !specifier.startsWith("node:"))
      .map((specifier) =>
        specifier
          .split("/")
          .slice(0, specifier.startsWith("@") ? 2 : 1)
          .join("/")
      )
    assert.deepStrictEqual([...new Set(imported)].sort(), brought.sort())
  })

  it("builds to modules that plain Node imports, with types and source maps", () =>
    Effect.runPromise(
      Effect.acquireUseRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "patchbay-build-"))),
        (folder) =>
          Effect.promise(async () => {
            await run(
              process.execPath,
              [
                join(root, "node_modules/rolldown/bin/cli.mjs"),
                ...["-c", join(root, "rolldown.config.ts"), "--dir", join(folder, "dist"), "--log-level", "warn"]
              ],
              { cwd: root }
            )
            await run(process.execPath, [
              join(root, "node_modules/typescript/bin/tsc"),
              ...["-p", join(root, "tsconfig.build.json"), "--outDir", join(folder, "dist")]
            ])
            await symlink(join(root, "node_modules"), join(folder, "node_modules"))
            await copyFile(join(root, "package.json"), join(folder, "package.json"))
            for (const entry of ["index", "node/index", "sandbox/index"]) {
              for (const ending of ["js", "d.ts", "d.ts.map"]) {
                assert.isAbove(readFileSync(join(folder, `dist/${entry}.${ending}`)).length, 50)
              }
            }
            const chunks = await readdir(join(folder, "dist/chunks"))
            // A few lines of rolldown's own have no source, nor has a chunk that only passes another one on.
            const hasSource = (name: string) =>
              name.endsWith(".js") &&
              !name.startsWith("rolldown-runtime") &&
              !readFileSync(join(folder, "dist/chunks", name), "utf8").startsWith("export {")
            const ours = chunks.filter(hasSource)
            for (const chunk of ours) assert.include(chunks, `${chunk}.map`)
            // Loading a few files is fast, loading a hundred is not.
            assert.isBelow(chunks.length, 20)
            const code =
              'for (const entry of ["index", "node/index", "sandbox/index"]) console.log(Object.keys(await import("./dist/" + entry + ".js")).join())'
            const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { cwd: folder })
            for (const name of [
              "CustomerSync",
              "ReachClient",
              "PocketflowsClient",
              "CustomerFile",
              "NodeHttp",
              "SandboxServer"
            ]) {
              assert.include(stdout, name)
            }
            const command = join(folder, "dist/cli")
            const inCommand = (await readdir(command)).filter((name) => name.endsWith(".js"))
            const outside = inCommand.flatMap((name) =>
              [
                ...readFileSync(join(command, name), "utf8").matchAll(
                  /(?:^import |^[^*/]* from |\bimport\()"([^"]+)"/gm
                )
              ]
                .map(([, specifier = ""]) => specifier)
                .filter((specifier) => !/^(?:\.|node:)/.test(specifier))
            )
            assert.deepStrictEqual([...new Set(outside)].sort(), [
              "hucre/xlsx",
              "jose",
              "undici",
              "undici/lib/dispatcher/agent.js"
            ])
            const texts = inCommand.map((name) => [name, readFileSync(join(command, name), "utf8")] as const)
            // A sync loads neither; nor does anything make what takes 20 ms before it is used.
            for (const module of ["sandbox/SandboxServer", "cli/report/HtmlReport"]) {
              const [name, ...others] = texts.filter(([, text]) => text.includes(`// src/${module}.ts\n`))
              assert.match(name?.[0] ?? "", /^(?:SandboxServing|HtmlReport)-/)
              assert.isEmpty(others)
            }
            for (const [name, text] of texts) assert.notMatch(text, /^const \w+ = (?:\/\*.*\*\/ ?)?new Intl\./m, name)
            const licences = readFileSync(join(command, "LICENSES.txt"), "utf8")
            for (const name of ["effect", "@effect/platform-node", "@effect/platform-node-shared"]) {
              const { version } = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8"))
              assert.include(licences, `${name} ${version} (MIT)\n\nMIT License\n\nCopyright`)
            }
            const { bin, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
            assert.match(readFileSync(join(folder, bin.patchbay), "utf8"), /^#!\/usr\/bin\/env node\n/)
            const told = await run(process.execPath, [join(folder, bin.patchbay), "--version"])
            assert.strictEqual(told.stdout, `patchbay ${version}\n`)
          }),
        (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
      )
    ))
})
