//go:build cgo

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "shim.h"

static __thread sigjmp_buf guard;
static __thread volatile sig_atomic_t guarded;
static struct sigaction prev_bus, prev_segv; // the handlers of the Go runtime
static pthread_once_t installed = PTHREAD_ONCE_INIT;

// The jump does not restore the signal mask: the handler is installed so that it never changes it.
#define GUARDED(rc, call)                                       \
	do {                                                    \
		int jumped = sigsetjmp(guard, 0);               \
		if (jumped == 0) {                              \
			guarded = 1;                            \
			(rc) = (call);                          \
		} else {                                        \
			(rc) = jumped;                          \
		}                                               \
		guarded = 0;                                    \
	} while (0)

static void on_fault(int sig, siginfo_t *info, void *context)
{
	if (guarded && info->si_code > 0) { // not sent by a process
		guarded = 0;
		siglongjmp(guard, KR_FAULT);
	}
	sigset_t all; // what the Go runtime asks for when it installs its handlers
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	(sig == SIGBUS ? &prev_bus : &prev_segv)->sa_sigaction(sig, info, context);
}

static void install(void)
{
	struct sigaction sa = {0};
	sa.sa_sigaction = on_fault;
	sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART;
	sigaction(SIGBUS, &sa, &prev_bus);
	sigaction(SIGSEGV, &sa, &prev_segv);
}

static void on_assert(MDB_env *env, const char *msg)
{
	if (guarded) {
		guarded = 0;
		siglongjmp(guard, KR_ASSERT);
	}
}

int kr_env_open(const char *dir, size_t mapsize, unsigned readers, unsigned flags, MDB_env **out)
{
	pthread_once(&installed, install);
	MDB_env *env;
	int rc = mdb_env_create(&env);
	if (rc)
		return rc;
	mdb_env_set_assert(env, on_assert);
	if ((rc = mdb_env_set_mapsize(env, mapsize)) == 0 && (rc = mdb_env_set_maxreaders(env, readers)) == 0)
		GUARDED(rc, mdb_env_open(env, dir, flags, 0600));
	if (rc == 0) {
		fcntl(kr_env_fd(env), F_SETFD, FD_CLOEXEC); // LMDB does that for its lock file only
		*out = env;
	} else if (rc != KR_FAULT && rc != KR_ASSERT) {
		mdb_env_close(env);
	}
	return rc;
}

void kr_env_close(MDB_env *env)
{
	int rc;
	GUARDED(rc, (mdb_env_close(env), 0));
	(void)rc;
}

int kr_env_fd(MDB_env *env)
{
	int fd = -1;
	mdb_env_get_fd(env, &fd);
	return fd;
}

int kr_reader_check(MDB_env *env, int *dead)
{
	int rc;
	GUARDED(rc, mdb_reader_check(env, dead));
	return rc;
}

static int begin(MDB_env *env, unsigned flags, kr_txn *t)
{
	MDB_stat st;
	int rc = mdb_txn_begin(env, NULL, flags, &t->txn);
	if (rc == 0)
		rc = mdb_dbi_open(t->txn, NULL, 0, &t->dbi);
	if (rc == 0 && (rc = mdb_stat(t->txn, t->dbi, &st)) == 0)
		t->psize = st.ms_psize;
	return rc;
}

int kr_begin(MDB_env *env, unsigned flags, kr_txn **out)
{
	int rc;
	kr_txn *t = calloc(1, sizeof *t);
	if (!t)
		return ENOMEM;
	GUARDED(rc, begin(env, flags, t));
	if (rc == 0)
		*out = t;
	else if (rc != KR_FAULT && rc != KR_ASSERT)
		kr_abort(t);
	return rc;
}

static int finish(kr_txn *t, int commit)
{
	if (t->cur)
		mdb_cursor_close(t->cur);
	if (t->near)
		mdb_cursor_close(t->near);
	t->cur = t->near = NULL;
	if (commit)
		return mdb_txn_commit(t->txn);
	if (t->txn)
		mdb_txn_abort(t->txn);
	return 0;
}

int kr_commit(kr_txn *t)
{
	int rc;
	GUARDED(rc, finish(t, 1));
	free(t);
	return rc;
}

void kr_abort(kr_txn *t)
{
	int rc;
	GUARDED(rc, finish(t, 0));
	(void)rc;
	free(t);
}

int kr_renew(kr_txn *t)
{
	int rc;
	t->stale = t->near_stale = 1;
	GUARDED(rc, mdb_txn_renew(t->txn));
	return rc;
}

int kr_reset(kr_txn *t)
{
	int rc;
	GUARDED(rc, (mdb_txn_reset(t->txn), 0));
	return rc;
}

enum { most = 64 }; // pages of 4 KiB that the longest value needs, and some more

// whole checks the header of the pages that a long value has of its own: flags and the number of them. They may have been
// something else when the power failed, and to free them LMDB fills a list with as many numbers as the header says, be it
// billions. Nothing else begins right behind the header of a page.
static int whole(const kr_txn *t, const MDB_val *v)
{
	enum { header = 16, overflow = 4 };
	const char *page = (const char *)((uintptr_t)v->mv_data & ~(uintptr_t)(t->psize - 1));
	if ((const char *)v->mv_data != page + header)
		return 0;
	size_t pages = *(const uint32_t *)(page + 12), need = (header + v->mv_size + t->psize - 1) / t->psize;
	return *(const uint16_t *)(page + 10) & overflow && pages >= need && pages <= most ? 0 : MDB_CORRUPTED;
}

// present reads one byte of each page of what was found. Whoever waits for a disk waits here, where the Go scheduler knows
// that the thread may: a thread that waits in Go code holds a processor, and the collector of garbage waits for it. What
// is longer than any value is damage, which the caller finds out.
static int present(const kr_txn *t, const MDB_val *v)
{
	enum { page = 4096 };
	const volatile char *p = v->mv_data;
	if (v->mv_size == 0 || v->mv_size > (size_t)page * most)
		return 0;
	for (size_t i = 0; i < v->mv_size; i += page)
		(void)p[i];
	(void)p[v->mv_size - 1];
	return whole(t, v);
}

static int get(kr_txn *t)
{
	int rc = mdb_get(t->txn, t->dbi, &t->k, &t->v);
	return rc ? rc : present(t, &t->v);
}

int kr_get(kr_txn *t, const char *key, size_t n)
{
	int rc;
	t->k = (MDB_val){n, (void *)key};
	GUARDED(rc, get(t));
	return rc;
}

static int cursor(kr_txn *t, MDB_cursor **cur, int *stale)
{
	int rc = 0;
	if (!*cur)
		rc = mdb_cursor_open(t->txn, t->dbi, cur);
	else if (*stale)
		rc = mdb_cursor_renew(t->txn, *cur);
	*stale = 0;
	return rc;
}

static int find(kr_txn *t, const char *key, size_t n)
{
	MDB_val want = {n, (void *)key}, none = {0, NULL};
	int rc = cursor(t, &t->near, &t->near_stale);
	if (rc)
		return rc;
	t->k = want;
	rc = mdb_cursor_get(t->near, &t->k, &t->v, MDB_SET_RANGE);
	if (rc == 0 && mdb_cmp(t->txn, t->dbi, &t->k, &want) == 0)
		return present(t, &t->v);
	if (rc && rc != MDB_NOTFOUND)
		return rc;
	t->above = rc ? none : t->k;
	rc = mdb_cursor_get(t->near, &t->k, &t->v, rc ? MDB_LAST : MDB_PREV);
	t->below = rc ? none : t->k;
	return rc ? rc : MDB_NOTFOUND;
}

int kr_find(kr_txn *t, const char *key, size_t n)
{
	int rc;
	GUARDED(rc, find(t, key, n));
	return rc;
}

static int seek(kr_txn *t, int floor, const char *key, size_t n)
{
	int rc = cursor(t, &t->cur, &t->stale);
	if (rc)
		return rc;
	if (n == 0)
		return floor ? MDB_NOTFOUND : mdb_cursor_get(t->cur, &t->k, &t->v, MDB_FIRST);
	t->k = (MDB_val){n, (void *)key};
	rc = mdb_cursor_get(t->cur, &t->k, &t->v, MDB_SET_RANGE);
	if (!floor || (rc && rc != MDB_NOTFOUND))
		return rc;
	if (rc == MDB_NOTFOUND)
		return mdb_cursor_get(t->cur, &t->k, &t->v, MDB_LAST);
	MDB_val want = {n, (void *)key};
	if (mdb_cmp(t->txn, t->dbi, &t->k, &want) == 0)
		return 0;
	return mdb_cursor_get(t->cur, &t->k, &t->v, MDB_PREV);
}

static int found(kr_txn *t, int rc)
{
	return rc ? rc : present(t, &t->k) || present(t, &t->v);
}

int kr_seek(kr_txn *t, int floor, const char *key, size_t n)
{
	int rc;
	GUARDED(rc, found(t, seek(t, floor, key, n)));
	return rc;
}

int kr_step(kr_txn *t, int back)
{
	int rc;
	GUARDED(rc, found(t, mdb_cursor_get(t->cur, &t->k, &t->v, back ? MDB_PREV : MDB_NEXT)));
	return rc;
}

// replaceable checks what is stored at a key, if there is anything.
static int replaceable(kr_txn *t, MDB_val *k)
{
	MDB_val old;
	int rc = mdb_get(t->txn, t->dbi, k, &old);
	return rc ? rc : whole(t, &old);
}

static int put(kr_txn *t, const char *key, size_t n, int known, uint32_t tag, const char *val, size_t vn)
{
	MDB_val k = {n, (void *)key}, v = {sizeof tag + vn, NULL};
	int rc = known ? 0 : replaceable(t, &k);
	if (rc == 0 || rc == MDB_NOTFOUND)
		rc = mdb_put(t->txn, t->dbi, &k, &v, MDB_RESERVE);
	if (rc)
		return rc;
	memcpy(v.mv_data, &tag, sizeof tag);
	memcpy((char *)v.mv_data + sizeof tag, val, vn);
	return 0;
}

int kr_put(kr_txn *t, const char *key, size_t n, int known, uint32_t tag, const char *val, size_t vn)
{
	int rc;
	GUARDED(rc, put(t, key, n, known, tag, val, vn));
	return rc;
}

static int del(kr_txn *t, const char *key, size_t n)
{
	MDB_val k = {n, (void *)key};
	int rc = replaceable(t, &k);
	return rc ? rc : mdb_del(t->txn, t->dbi, &k, NULL);
}

int kr_del(kr_txn *t, const char *key, size_t n)
{
	int rc;
	GUARDED(rc, del(t, key, n));
	return rc;
}

// drop checks all entries first. In a damaged file there may be no end of them.
static int drop(kr_txn *t)
{
	MDB_stat st;
	MDB_cursor *cur;
	MDB_val k, v;
	size_t entries = 0;
	int rc = mdb_stat(t->txn, t->dbi, &st);
	if (rc || (rc = mdb_cursor_open(t->txn, t->dbi, &cur)))
		return rc;
	while ((rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) == 0 && (rc = whole(t, &v)) == 0)
		if (++entries > st.ms_entries) {
			rc = MDB_CORRUPTED;
			break;
		}
	mdb_cursor_close(cur);
	return rc == MDB_NOTFOUND ? mdb_drop(t->txn, t->dbi, 0) : rc;
}

int kr_drop(kr_txn *t)
{
	int rc;
	GUARDED(rc, drop(t));
	return rc;
}

int kr_stat(kr_txn *t, MDB_stat *st)
{
	int rc;
	GUARDED(rc, mdb_stat(t->txn, t->dbi, st));
	return rc;
}

// A page begins with its number, and the file with a meta page, whose magic follows the page header.
static int base(kr_txn *t, size_t psize, const char **out)
{
	const char *page = (const char *)((uintptr_t)t->v.mv_data & ~(uintptr_t)(psize - 1));
	const char *at = page - *(const size_t *)page * psize;
	*out = *(const uint32_t *)(at + 16) == 0xBEEFC0DE ? at : NULL;
	return 0;
}

const char *kr_base(kr_txn *t, size_t psize)
{
	int rc;
	const char *at = NULL;
	GUARDED(rc, base(t, psize, &at));
	return rc ? NULL : at;
}

// Other processes may write to the same byte: it must not change.
int kr_dirty(char *p)
{
	int rc;
	pthread_once(&installed, install);
	GUARDED(rc, (__atomic_fetch_or(p, 0, __ATOMIC_RELAXED), 0));
	return rc;
}
