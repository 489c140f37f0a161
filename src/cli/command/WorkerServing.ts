/** What `patchbay worker` does. */

import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { SyncCluster } from "../../cluster/index.ts"
import * as ClusterRun from "../run/ClusterRun.ts"
import * as Database from "../run/Database.ts"
import type * as Settings from "../run/Settings.ts"
import { CommandFailed } from "../show/ExitCode.ts"

export interface Options extends Settings.Settings {
  readonly host: string
  readonly port: number
  readonly takeOverAfter: Option.Option<Duration.Duration>
}

/** Executes runs until it is interrupted. */
export const run = (options: Options) => {
  const { baseUrl, envFile, host, port } = options
  const takeOverAfter = Option.getOrUndefined(options.takeOverAfter)
  const tell = Effect.sync(
    () => void process.stderr.write(`This worker, at ${host}:${port}, executes what patchbay submit starts.\n`)
  )
  return Layer.effectDiscard(tell).pipe(
    Layer.provideMerge(ClusterRun.make({ baseUrl, envFile, takeOverAfter }).layer),
    Layer.provide(
      SyncCluster.layerRunner({ host, port, takeOverAfter }).pipe(
        Layer.catch(() =>
          Layer.unwrap<SyncCluster.Services, CommandFailed, never, CommandFailed, never>(
            Effect.fail(
              new CommandFailed({
                exit: 2,
                message: `This worker cannot listen on ${host}:${port}. Give it a --port that is free, and a --host of this machine.`
              })
            )
          )
        )
      )
    ),
    Layer.provide(Database.layer({ envFile })),
    Layer.launch,
    // What the cluster does to come through is its own affair; what became of runs, patchbay runs tells.
    Effect.provideService(References.MinimumLogLevel, "Error")
  )
}
