/**
 * A process that takes checkpoints, to be killed or stopped. `write` replaces the state of each as fast as it can and
 * says the number of each state that is safe; `hold` only says that it has them. `stop-N` is `write` by a process that
 * cannot be seen from others, and stops itself before the Nth operation of its writes. Each line begins with the place of the
 * checkpoint among the arguments.
 */
import os from "node:os"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem, Layer, Option } from "effect"
import * as Checkpoint from "../../src/sync/checkpoint/Checkpoint.ts"
import { fingerprint, state } from "./CheckpointStates.ts"
import * as FileSystemSteps from "./FileSystemSteps.ts"

const [mode = "", ...dirs] = process.argv.slice(2)

const stopsAt = mode.startsWith("stop-") ? Number(mode.slice("stop-".length)) : undefined

let isOpen = false
let steps = 0

const stopping = Layer.effect(
  FileSystem.FileSystem,
  Effect.map(FileSystem.FileSystem, (real) => {
    os.hostname = () => "elsewhere"
    const unseen: FileSystem.FileSystem = {
      ...real,
      readFileString: (path, encoding) =>
        real.readFileString(path.startsWith("/proc/") ? "/proc/none" : path, encoding),
      readLink: () => real.readLink("/proc/none")
    }
    return FileSystemSteps.make(unseen, (name, whole) =>
      Effect.suspend(() => {
        if (isOpen && steps++ === stopsAt) {
          process.stdout.write(`0 stops before ${name}\n`)
          process.kill(process.pid, "SIGSTOP")
        }
        return whole
      })
    )
  })
).pipe(Layer.provide(NodeFileSystem.layer))

const run = (dir: string, place: number) => {
  const say = (what: string) => Effect.sync(() => process.stdout.write(`${place} ${what}\n`))
  return Checkpoint.file(dir)
    .open(fingerprint)
    .pipe(
      Effect.flatMap((opened) =>
        Effect.gen(function* () {
          let n = Option.isSome(opened.state) ? opened.state.value.counts.read : 0
          yield* say(`open ${n}`)
          isOpen = true
          while (mode !== "hold") {
            n++
            yield* opened.write(state(n, 64))
            yield* say(`${n}`)
          }
          return yield* Effect.never
        })
      ),
      Effect.catch((error) => say(`failed ${error._tag}`)),
      Effect.scoped
    )
}

await Effect.forEach(dirs, run, { concurrency: "unbounded" }).pipe(
  Effect.provide(stopsAt === undefined ? NodeFileSystem.layer : stopping),
  Effect.runPromise
)
