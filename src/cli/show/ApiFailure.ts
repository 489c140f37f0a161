/** What a person reads when a vendor's API refuses one request, or cannot be reached. */
import * as Redacted from "effect/Redacted"
import { type ApiError, Format, type InputIssue, type RetryPolicy } from "../../index.ts"
import { CommandFailed } from "./ExitCode.ts"
import { clean } from "./TextWidth.ts"

/** What a single request can end in, once it was tried again. */
export type Failure =
  | Exclude<ApiError.ApiError, ApiError.TokenExpired>
  | RetryPolicy.RetriesExhausted
  | RetryPolicy.RetryAfterTooLong
  | RetryPolicy.OutcomeUnknown

/** What the command says around an error. */
export interface Words {
  /** What was asked for: `the customer`. */
  readonly what: string
  /** What to do when the vendor has refused it, by the status. */
  readonly refused: (status: number) => string
  /** The option that an issue is about, where there is one. */
  readonly option?: ((issue: InputIssue.InputIssue) => string | undefined) | undefined
}

const variables: { readonly [vendor: string]: string } = {
  Reach: "REACH_TOKEN, or REACH_PARTNER_SECRET and REACH_PARTNER_ID",
  Pocketflows: "POCKETFLOWS_USERNAME and POCKETFLOWS_PASSWORD"
}

/** The error as the end of the command: 1 where the vendor refused, 2 where nothing could be sent, else 3. */
export const toCommandFailed = (error: Failure, words: Words): CommandFailed => {
  switch (error._tag) {
    case "InvalidRequest":
      return invalid(error.issues, words)
    case "OutcomeUnknown":
      return failed(1, clean(error.message))
    case "RetryAfterTooLong":
      return failed(
        3,
        `The vendor asks to wait ${Format.duration(error.wait)}, which is longer than --retry-for allows. Try again after that, or give --retry-for a longer time.`
      )
    case "RetriesExhausted":
      return failed(3, `${clean(error.message)} Try again later.`)
  }
  if (error.isRetryable) return failed(3, `${error.message} Try again later.`)
  switch (error.fault) {
    case "record":
      return failed(
        1,
        `${error.vendor} refused ${words.what} (${error.status} at ${error.endpoint}).${reasons(error)}\n${words.refused(error.status)}`
      )
    case "caller":
      return failed(3, `${error.message} The credentials are those of ${variables[error.vendor] ?? "the environment"}.`)
    case "contract":
      return failed(
        3,
        `${error.vendor} answered ${error.endpoint} with ${error.status} and ${error.problem}; whether it took ${words.what} is not known. Check the base URL, and look at the vendor's side.`
      )
  }
}

const failed = (exit: 1 | 2 | 3, message: string) => new CommandFailed({ exit, message })

/** What does not fit the endpoint: every issue on a line of its own. */
export const invalid = (issues: ReadonlyArray<InputIssue.InputIssue>, words: Words): CommandFailed =>
  failed(
    2,
    [
      `Nothing was sent: ${words.what} does not fit.`,
      ...issues.map((issue) => {
        const place = words.option?.(issue) ?? issue.path.join(".")
        return `  ${place === "" ? "" : `${place}: `}${clean(issue.message)}`
      })
    ].join("\n")
  )

// So much of a vendor's answer fits on a screen.
const mostReasons = 20
const longestReason = 500

// A vendor that repeats what it was sent may repeat how the request was signed.
const secrets = /\b(Bearer|Basic)\s+[\w~+/.=-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*/gi

const shown = (text: string): string => clean(text.replaceAll(secrets, "$1 ***").slice(0, longestReason))

/** What the vendor wrote, which whoever typed the command asked for. */
const reasons = (error: { readonly answer: Redacted.Redacted<ApiError.VendorAnswer> }): string => {
  const { body, errors, message } = Redacted.value(error.answer)
  const told = [message, ...errors].filter((text) => text.trim() !== "")
  const all = told.length > 0 || body.trim() === "" ? told : [body]
  const more = all.length - mostReasons
  return [...all.slice(0, mostReasons).map(shown), ...(more > 0 ? [`… and ${more} more`] : [])]
    .map((text) => `\n  ${text}`)
    .join("")
}
