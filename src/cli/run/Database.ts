/** PostgreSQL, as `DATABASE_URL` names it: its client is loaded when it is asked for. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as SqlClient from "effect/sql/SqlClient"
import { CommandFailed } from "../show/ExitCode.ts"
import * as Settings from "./Settings.ts"

const refuse = (message: string) => Effect.fail(new CommandFailed({ exit: 2, message }))

const isUrl = (text: string): boolean => /^postgres(?:ql)?:\/\//.test(text) && URL.canParse(text)

const address = Effect.fnUntraced(function* (
  settings: Pick<Settings.Settings, "envFile">
): Effect.fn.Return<Redacted.Redacted, CommandFailed, FileSystem.FileSystem> {
  const provider = yield* Settings.provider(settings)
  const url = yield* Effect.orElseSucceed(Config.Redacted("DATABASE_URL").parse(provider), () => Redacted.make(""))
  if (Redacted.value(url) === "") {
    return yield* refuse(`DATABASE_URL is not set. Set it to postgres://user:password@host/database.${Settings.place}`)
  }
  if (!isUrl(Redacted.value(url))) {
    return yield* refuse(
      `DATABASE_URL is no address of PostgreSQL, which looks like postgres://user:password@host/database.${Settings.place}`
    )
  }
  return url
})

/** A client of the database, which has answered. What is said of one that does not repeats nothing of its address. */
export const layer = (
  settings: Pick<Settings.Settings, "envFile">
): Layer.Layer<SqlClient.SqlClient, CommandFailed, FileSystem.FileSystem> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const url = yield* address(settings)
      const PgClient = yield* Effect.promise(() => import("@effect/sql-pg/PgClient"))
      const asked = Layer.effectDiscard(Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT 1`))
      return Layer.provideMerge(asked, PgClient.layer({ url, applicationName: "patchbay" })).pipe(
        Layer.catch((error) =>
          Layer.unwrap<SqlClient.SqlClient, CommandFailed, never, CommandFailed, never>(
            refuse(
              `The database that DATABASE_URL names did not answer (${error.reason._tag}). Check that it runs, and that host, user and password are right.`
            )
          )
        )
      )
    })
  )
