/** Flags of servers: which source counts, and what is wrong usage. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { EXECUTOR_FLAGS } from '../../src/cli/flags/executor-flags.js'
import { repeated, text, toggle, type FlagTable } from '../../src/cli/flags/flag.js'
import { resolveFlags } from '../../src/cli/flags/flag-sources.js'
import { SCHEDULER_FLAGS } from '../../src/cli/flags/scheduler-flags.js'
import { LOG_ROTATIONS, logFile } from '../../src/cli/log-file.js'

const folder = mkdtempSync(join(tmpdir(), 'ballista-flags-'))
test.after.always(() => rmSync(folder, { recursive: true }))

let files = 0

function tomlFile(content: string): string {
  const path = join(folder, `${files++}.toml`)
  writeFileSync(path, content)
  return path
}

const scheduler = (
  given: Record<string, string[]>,
  environment: Record<string, string> = {},
): ReturnType<typeof resolveFlags<typeof SCHEDULER_FLAGS>> =>
  resolveFlags(SCHEDULER_FLAGS, { server: 'scheduler', given, environment })

test('a flag counts before a variable, that before the file, that before the default', async t => {
  const file = tomlFile('bind_host = "127.0.0.4"\nbind_port = 4\nlog_level_setting = "debug"')
  const environment = { BALLISTA_SCHEDULER_BIND_HOST: '127.0.0.3', BALLISTA_SCHEDULER_BIND_PORT: '3' }
  const values = await scheduler({ bindHost: ['127.0.0.2'], configFile: [file] }, environment)
  t.is(values.bindHost, '127.0.0.2')
  t.is(values.bindPort, 3)
  t.is(values.logLevelSetting, 'debug')
  t.is((await scheduler({})).bindPort, 50_050)
})

test('the file may be named by a variable, and other names of a flag are its names everywhere', async t => {
  const file = tomlFile('advertise_host = "worker-1"')
  const environment = { BALLISTA_EXECUTOR_CONFIG_FILE: file, BALLISTA_EXECUTOR_MEMORY_LIMIT: '1GB', BALLISTA_X: '' }
  const values = await resolveFlags(EXECUTOR_FLAGS, { server: 'executor', given: {}, environment })
  t.is(values.externalHost, 'worker-1')
  t.is(values.memoryPoolSize, 1024 ** 3)
})

test('a variable that there is not is an error with a suggestion', async t => {
  await t.throwsAsync(scheduler({}, { BALLISTA_SCHEDULER_BIND_PROT: '1' }), {
    code: 'INVALID_OPTION',
    message:
      "option 'BALLISTA_SCHEDULER_BIND_PROT': the scheduler has no such environment variable, did you mean 'BALLISTA_SCHEDULER_BIND_PORT'?",
  })
})

test('a key of the file that there is not is an error with a suggestion', async t => {
  const file = tomlFile('bind_prot = 1')
  await t.throwsAsync(scheduler({ configFile: [file] }), {
    code: 'INVALID_OPTION',
    message: `option 'bind_prot': ${file} has a key that there is not, did you mean 'bind_port'?`,
  })
})

test('wrong values name where they stand', async t => {
  await t.throwsAsync(scheduler({}, { BALLISTA_SCHEDULER_BIND_PORT: '70000' }), {
    message: "option 'BALLISTA_SCHEDULER_BIND_PORT': '70000' is invalid. expected a port, 0 to 65535",
  })
  const file = tomlFile('log_level = "loud"')
  await t.throwsAsync(scheduler({ configFile: [file] }), {
    message: `option 'log_level of ${file}': 'loud' is invalid. Allowed choices are silent, error, warn, info, debug.`,
  })
  const table = tomlFile('[bind_port]\nx = 1')
  await t.throwsAsync(scheduler({ configFile: [table] }), {
    message: `option 'bind_port': ${table} gives it something other than a text, a number, true or false`,
  })
})

test('a file that is not there or is no TOML is an error that names it', async t => {
  const missing = join(folder, 'missing.toml')
  await t.throwsAsync(scheduler({ configFile: [missing] }), {
    code: 'INVALID_OPTION',
    message: `option 'config-file': ${missing}: ENOENT: no such file or directory, open '${missing}'`,
  })
  const broken = tomlFile('bind_port =')
  await t.throwsAsync(scheduler({ configFile: [broken] }), {
    code: 'INVALID_OPTION',
    message: /^option 'config-file': /,
  })
})

test('switches and lists in every source', async t => {
  const table = {
    on: toggle('a switch'),
    names: repeated('names', { placeholder: 'name', parse: text }),
    configFile: SCHEDULER_FLAGS.configFile,
  } satisfies FlagTable
  const values = (given: Record<string, string[]>, environment: Record<string, string> = {}): Promise<object> =>
    resolveFlags(table, { server: 'scheduler', given, environment })
  t.like(await values({}), { on: false, names: [] })
  t.like(await values({ on: ['true'], names: ['a', 'b'] }), { on: true, names: ['a', 'b'] })
  t.like(await values({}, { BALLISTA_SCHEDULER_ON: 'TRUE', BALLISTA_SCHEDULER_NAMES: 'a,b' }), {
    on: true,
    names: ['a', 'b'],
  })
  const file = tomlFile('on = true\nnames = ["a", "b"]')
  t.like(await values({ configFile: [file] }), { on: true, names: ['a', 'b'] })
})

test('names of flags, and other names, are used once', t => {
  for (const table of [SCHEDULER_FLAGS, EXECUTOR_FLAGS] as FlagTable[]) {
    const names = Object.entries(table).flatMap(([name, flag]) => [
      name,
      ...(flag.aliases ?? []),
      flag.short ?? name + '-',
    ])
    t.deepEqual(names, [...new Set(names)])
  }
})

test('log files are begun anew when their time has passed', t => {
  const directory = mkdtempSync(join(folder, 'log-'))
  for (const rotation of LOG_ROTATIONS) {
    const write = logFile(directory, rotation, rotation)
    for (const line of [
      '2026-01-31T23:58:01.000Z INFO  a\n',
      '2026-01-31T23:59:01.000Z INFO  b\n',
      '2026-02-01T00:00:00.000Z INFO  c\n',
    ])
      write(line)
  }
  t.deepEqual(readdirSync(directory).sort(), [
    'ballista-daily.2026-01-31.log',
    'ballista-daily.2026-02-01.log',
    'ballista-hourly.2026-01-31T23.log',
    'ballista-hourly.2026-02-01T00.log',
    'ballista-minutely.2026-01-31T23-58.log',
    'ballista-minutely.2026-01-31T23-59.log',
    'ballista-minutely.2026-02-01T00-00.log',
    'ballista-never.log',
  ])
  t.is(
    readFileSync(join(directory, 'ballista-daily.2026-01-31.log'), 'utf8'),
    '2026-01-31T23:58:01.000Z INFO  a\n2026-01-31T23:59:01.000Z INFO  b\n',
  )
})

test('numbers out of their range are refused', async t => {
  const value = (environment: Record<string, string>): Promise<unknown> =>
    resolveFlags(EXECUTOR_FLAGS, { server: 'executor', given: {}, environment })
  for (const part of ['0', '1.5', 'half', 'NaN']) {
    await t.throwsAsync(value({ BALLISTA_EXECUTOR_MEMORY_POOL_FRACTION: part }), {
      message: `option 'BALLISTA_EXECUTOR_MEMORY_POOL_FRACTION': '${part}' is invalid. expected a number above 0, at most 1`,
    })
  }
  await t.throwsAsync(scheduler({}, { BALLISTA_SCHEDULER_EXECUTOR_TIMEOUT_SECONDS: '5' }), {
    message: "option 'BALLISTA_SCHEDULER_EXECUTOR_TIMEOUT_SECONDS': '5' is invalid. expected at least 6",
  })
})
