/**
 * Where credentials and base URLs come from: the environment, or a file of variables. Never from an option that would
 * hold a secret, because options are seen by everybody on the machine and stay in the shell's history.
 */
import type * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import { InvalidConfiguration, PlatformReason, PocketflowsClient, ReachAuth, ReachClient } from "../../index.ts"
import { CommandFailed } from "../show/ExitCode.ts"

/** The options of every command that calls a vendor. */
export interface Settings {
  readonly envFile: Option.Option<string>
  readonly baseUrl: Option.Option<string>
}

/** The same, to be spread into a command's options. */
export const flags = {
  envFile: Flag.String("env-file").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("Read variables such as REACH_TOKEN from FILE; what the environment sets wins"),
    Flag.optional
  ),
  baseUrl: Flag.String("base-url").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription("Where the API is served (default: REACH_BASE_URL or POCKETFLOWS_BASE_URL, else production)"),
    Flag.optional
  )
} as const

/**
 * Reach's client, on Node's HTTP client. A variable that is missing or wrong is a `CommandFailed` with exit code 2, which
 * names it and says what to set.
 */
export const reach = (
  settings: Settings & { readonly tenant: Option.Option<string> }
): Layer.Layer<ReachClient.ReachClient, CommandFailed, FileSystem.FileSystem> =>
  layer(
    settings,
    Layer.unwrap(
      Effect.gen(function* () {
        const auth = yield* ReachAuth.fromConfig
        // Else each request would be refused for it, one by one.
        const tenant = ReachAuth.tenantFor(auth, Option.getOrUndefined(settings.tenant))
        if (Result.isFailure(tenant)) {
          return yield* new InvalidConfiguration.InvalidConfiguration({
            option: "--tenant",
            problem: Option.isNone(settings.tenant)
              ? "is not given, and credentials from REACH_PARTNER_SECRET need it. Say --tenant ID"
              : `cannot be used: ${tenant.failure}`
          })
        }
        return ReachClient.layerConfig({
          auth,
          baseUrl: Option.getOrUndefined(settings.baseUrl),
          allowInsecure: false
        })
      })
    )
  )

/** Pocketflows' client, the same way. */
export const pocketflows = (
  settings: Settings
): Layer.Layer<PocketflowsClient.PocketflowsClient, CommandFailed, FileSystem.FileSystem> =>
  layer(
    settings,
    PocketflowsClient.layerConfig({ baseUrl: Option.getOrUndefined(settings.baseUrl), allowInsecure: false })
  )

// Loaded when something is sent: help and a dry run start sooner without it.
const httpClient = Layer.unwrap(
  Effect.map(
    Effect.promise(() => import("../../node/NodeHttp.ts")),
    ({ layer }) => layer
  )
)

const layer = <A, R>(
  settings: Settings,
  client: Layer.Layer<A, Config.ConfigError | InvalidConfiguration.InvalidConfiguration, R>
) =>
  Layer.unwrap(
    Effect.map(provider(settings), (provider) =>
      client.pipe(
        Layer.provide(httpClient),
        Layer.provide(Layer.succeed(ConfigProvider.ConfigProvider, provider)),
        Layer.catch((error) =>
          Layer.unwrap<A, CommandFailed, never, CommandFailed, never>(Effect.fail(usage(settings, error)))
        )
      )
    )
  )

/** The variables of the environment, and of the file that is named. */
export const provider = ({
  envFile
}: Pick<Settings, "envFile">): Effect.Effect<ConfigProvider.ConfigProvider, CommandFailed, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const environment = yield* ConfigProvider.ConfigProvider
    if (Option.isNone(envFile)) return environment
    const fs = yield* FileSystem.FileSystem
    const text = yield* Effect.mapError(fs.readFileString(envFile.value), (error) => unreadable(envFile.value, error))
    // As `node --env-file` has it: what the shell says is nearer than what a file says.
    return ConfigProvider.orElse(environment, ConfigProvider.fromDotEnvContents(text))
  })

const unreadable = (path: string, error: PlatformError.PlatformError): CommandFailed =>
  new CommandFailed({
    exit: 2,
    message: `The variables in ${path} cannot be read (${PlatformReason.of(error)}). Give --env-file a file that this user may read.`
  })

/** What a person reads when the configuration cannot be used. */
const usage = (
  settings: Settings,
  error: Config.ConfigError | InvalidConfiguration.InvalidConfiguration
): CommandFailed => {
  if (error instanceof InvalidConfiguration.InvalidConfiguration) {
    if (error.option.startsWith("--"))
      return new CommandFailed({ exit: 2, message: `${error.option} ${error.problem}.` })
    const asked = error.option.endsWith("_BASE_URL") && Option.isSome(settings.baseUrl)
    return new CommandFailed({
      exit: 2,
      message: `${asked ? "--base-url" : error.option} ${error.problem}.${asked ? "" : place}`
    })
  }
  const name = variable(error)
  return new CommandFailed({
    exit: 2,
    message:
      name === undefined
        ? "The environment cannot be read."
        : `${name} is not set. Set it${name === "POCKETFLOWS_USERNAME" ? ", with POCKETFLOWS_PASSWORD" : ""}.${place}`
  })
}

/** What is said where one is missing. */
export const place = " Variables are read from the environment, or from a file that you name with --env-file."

// The variables are all text, so that what is wrong with one is that it is missing.
const variable = ({ cause }: Config.ConfigError): string | undefined =>
  Schema.isSchemaError(cause) ? String(pathOf(cause.issue)[0] ?? "") || undefined : undefined

const pathOf = (issue: SchemaIssue.Issue): ReadonlyArray<PropertyKey> => {
  switch (issue._tag) {
    case "Pointer":
      return [...issue.path, ...pathOf(issue.issue)]
    case "Filter":
    case "Encoding":
      return pathOf(issue.issue)
    case "Composite":
    case "AnyOf":
      return issue.issues.map(pathOf).find((path) => path.length > 0) ?? []
    default:
      return []
  }
}
