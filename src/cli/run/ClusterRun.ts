/** The sync that workers execute: whatever a run's file says. Loaded by the commands that have to do with workers. */
import type * as Command from "effect/cli/Command"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as SqlClient from "effect/sql/SqlClient"
import { SyncWorkflow } from "../../cluster/index.ts"
import * as Reading from "./Reading.ts"
import * as RunFile from "./RunFile.ts"
import type * as Settings from "./Settings.ts"
import * as Target from "./Target.ts"

/** What a worker has of its own: where the API is, where credentials are, and how long it may be silent. */
export interface Worker extends Settings.Settings {
  readonly takeOverAfter: Duration.Duration | undefined
}

/** The workflow, as `worker` executes it and anybody else starts it. */
export const make = (
  worker: Worker = { envFile: Option.none(), baseUrl: Option.none(), takeOverAfter: undefined }
): SyncWorkflow.SyncWorkflow<RunFile.Run, Command.Environment | SqlClient.SqlClient> =>
  SyncWorkflow.make({
    name: "sync",
    payload: RunFile.Run,
    key: ({ run }) => run,
    parts: ({ parts }) => parts,
    lease: worker.takeOverAfter,
    run: ({ key, map, options, query, run, sql }, { index, of, run: deliver }) =>
      Effect.gen(function* () {
        const asked = { ...(yield* RunFile.optionsOf({ options })), envFile: worker.envFile, baseUrl: worker.baseUrl }
        const target = yield* Target.make(asked)
        const part = of === 1 ? undefined : { by: keyField(asked.to), index, of }
        return yield* target.deliver(Reading.queryText({ key, map, name: query, sql, part }, asked), { run: deliver })
      }).pipe(
        Effect.catchTag("CommandFailed", ({ message }) =>
          Effect.fail(new SyncWorkflow.SyncFailed({ run: `sync/${run}`, reason: "Configuration", problem: message }))
        )
      )
  })

/** The field that tells customers apart. */
const keyField = (to: string): string => (to.startsWith("reach.") ? "customerId" : "id")
