import { Duration, Redacted } from "effect"
import * as ApiError from "../../src/http/ApiError.ts"

export const called = { vendor: "Reach", endpoint: "PATCH /api/resources/customers/batch" }

export const answered = {
  ...called,
  answer: Redacted.make(new ApiError.VendorAnswer({ message: "", errors: [], body: "" }))
}

const wait = (retryAfter: Duration.Input | undefined) =>
  retryAfter === undefined ? {} : { retryAfter: Duration.fromInputUnsafe(retryAfter) }

export const fault = (retryAfter?: Duration.Input, status = 503) =>
  new ApiError.ServerFault({ ...answered, status, ...wait(retryAfter) })

export const limited = (retryAfter?: Duration.Input) =>
  new ApiError.RateLimited({ ...answered, status: 429, ...wait(retryAfter) })

export const badRequest = () => new ApiError.BadRequest({ ...answered, status: 400 })

export const timedOut = () => new ApiError.TimedOut({ ...called, by: "client" })

export const transport = (applied: "no" | "maybe") =>
  new ApiError.TransportFault({ ...called, applied, code: "ECONNRESET" })
