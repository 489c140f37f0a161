/**
 * A process that takes checkpoints, to be killed. `write` replaces the state of each as fast as it can and says
 * the number of each state that is safe; `hold` only says that it has them. Each line begins with the place of
 * the checkpoint among the arguments.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Option } from "effect"
import * as Checkpoint from "../../src/sync/Checkpoint.ts"
import { fingerprint, state } from "./CheckpointStates.ts"

const [mode, ...dirs] = process.argv.slice(2)

const run = (dir: string, place: number) => {
  const say = (what: string) => Effect.sync(() => process.stdout.write(`${place} ${what}\n`))
  return Checkpoint.file(dir)
    .open(fingerprint)
    .pipe(
      Effect.flatMap((opened) =>
        Effect.gen(function* () {
          let n = Option.isSome(opened.state) ? opened.state.value.counts.read : 0
          yield* say(`open ${n}`)
          while (mode === "write") {
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
  Effect.provide(NodeFileSystem.layer),
  Effect.runPromise
)
