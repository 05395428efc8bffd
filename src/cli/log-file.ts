/** A log in files of a directory, one a day, an hour or a minute. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'

export const LOG_ROTATIONS = ['minutely', 'hourly', 'daily', 'never'] as const
export type LogRotation = (typeof LOG_ROTATIONS)[number]

/** How much of `2026-01-31T23-59` stands in the name of a file. */
const NAME_LENGTH: Readonly<Record<LogRotation, number>> = { minutely: 16, hourly: 13, daily: 10, never: 0 }

/** Appends lines, each of which begins with its time, to `ballista-NAME.log`, or to `ballista-NAME.TIME.log`. Written before it returns. */
export const logFile =
  (directory: string, name: string, rotation: LogRotation) =>
  (line: string): void => {
    const time = line.slice(0, NAME_LENGTH[rotation]).replaceAll(':', '-')
    const path = join(directory, `ballista-${name}.${time}${time === '' ? '' : '.'}log`)
    try {
      appendFileSync(path, line)
    } catch (error) {
      // A full disk must not end the server.
      process.stderr.write(`${(error as Error).message}: ${line}`)
    }
  }
