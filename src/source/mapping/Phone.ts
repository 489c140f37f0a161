/** Phone numbers to E.164, by `libphonenumber-js`, which is loaded when the first mapping has one. */
import * as Effect from "effect/Effect"
import { PhoneLibraryMissing } from "../read/MappingError.ts"
import type { PhoneReading } from "./Model.ts"
import { Refused, type Tell } from "./Problem.ts"

type Library = typeof import("libphonenumber-js/max")

let loaded: Library | undefined

/** Loads the library, once. */
export const load: Effect.Effect<void, PhoneLibraryMissing> = Effect.suspend(() =>
  loaded === undefined
    ? Effect.tryPromise({
        try: () => import("libphonenumber-js/max"),
        catch: () => new PhoneLibraryMissing()
      }).pipe(
        Effect.flatMap((library) =>
          Effect.sync(() => {
            loaded = library
          })
        )
      )
    : Effect.void
)

/** Whether it is loaded. */
export const isLoaded = (): boolean => loaded !== undefined

const notText = new Refused("is no text, and so no phone number. A number of JSON is taken with numberAsText")

/** Reads a number; `undefined` leaves it out. Only where the library is loaded. */
export const make = (
  { otherwise = "reject", region }: PhoneReading,
  tell: Tell
): ((value: unknown) => string | Refused | undefined) => {
  if (loaded !== undefined && region !== undefined && !loaded.isSupportedCountry(region)) {
    tell("is no country that has phone numbers. Write it as ISO 3166-1 does: US, DE, GB", "region")
  }
  const refused = new Refused(
    region === undefined
      ? "is no phone number with a country code, such as +14155550100. Numbers without one need a region"
      : `is no valid phone number, neither of ${region} nor with a country code`
  )
  return (value) => {
    if (typeof value !== "string") return notText
    const number = e164(value, region)
    if (number !== undefined) return number
    return otherwise === "keep" ? value : otherwise === "leave-out" ? undefined : refused
  }
}

const e164 = (text: string, region: string | undefined): string | undefined => {
  if (loaded === undefined) throw new PhoneLibraryMissing()
  const options = {
    extract: false,
    // What is no country is told when the mapping is looked at.
    ...(region !== undefined && loaded.isSupportedCountry(region) ? { defaultCountry: region } : {})
  }
  const number = loaded.parsePhoneNumberFromString(text, options)
  // E.164 has no extensions: one would be lost.
  return number?.isValid() === true && number.ext === undefined ? number.number : undefined
}
