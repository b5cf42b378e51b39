/* Preloaded into a server, it kills the process at exactly one write of its store, as `kill -9` does: whatever the process meant to
 * do next is not done. What the store had written before stays, since the system keeps it.
 *
 *   DIE_AT_ARMED   a file: nothing happens before it exists; it holds a number N and a letter
 *   "N a"          dies after the Nth commit from then on
 *   "N b"          dies before the Nth commit from then on: at its first write into the store's log
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int commits, writing;

static int is_log(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 4) return 0;
  path[length] = 0;
  return strcmp(path + length - 4, "-wal") == 0;
}

static int armed(int *number, char *when) {
  const char *path = getenv("DIE_AT_ARMED");
  FILE *file = path ? fopen(path, "r") : NULL;
  if (!file) return 0;
  int fields = fscanf(file, "%d %c", number, when);
  fclose(file);
  return fields == 2;
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* One thread writes the store, so plain counters do. A commit writes some frames and then syncs. */
static void writes(int fd) {
  int number;
  char when;
  if (writing || !is_log(fd) || !armed(&number, &when)) return;
  writing = 1;
  commits++;
  if (when == 'b' && commits == number) die();
}

static void synced(int fd) {
  int number;
  char when;
  if (!writing || !is_log(fd) || !armed(&number, &when)) return;
  writing = 0;
  if (when == 'a' && commits == number) die();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t count) {
  writes(fd);
  return REAL(write)(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  writes(fd);
  return REAL(pwrite)(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  writes(fd);
  return REAL(pwrite64)(fd, bytes, count, at);
}

int fsync(int fd) {
  int done = REAL(fsync)(fd);
  synced(fd);
  return done;
}

int fdatasync(int fd) {
  int done = REAL(fdatasync)(fd);
  synced(fd);
  return done;
}
