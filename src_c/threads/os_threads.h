/* os_threads.h - what the operating system and the compiler offer for threads: the only file that names them. */
#ifndef CK_OS_THREADS_H
#define CK_OS_THREADS_H

#include "../base/base.h" /* before the headers of the system */

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif
#endif

#if defined(_MSC_VER)
#define CK_THREAD_LOCAL __declspec(thread)
#else
#define CK_THREAD_LOCAL _Thread_local
#endif

typedef void (*ck_function)(void); /* any */

/* --- Atomic numbers. Relaxed but where a reader must also see what was written before: that is the lock's work. --- */

#if CK_GNU_C
static inline int64_t ck_fetch_add(int64_t *value) { return __atomic_fetch_add(value, 1, __ATOMIC_RELAXED); }
static inline void ck_store(int64_t *value, int64_t to) { __atomic_store_n(value, to, __ATOMIC_RELEASE); }
static inline int64_t ck_load(const int64_t *value) { return __atomic_load_n(value, __ATOMIC_ACQUIRE); }
#else
static inline int64_t ck_fetch_add(int64_t *value) { return _InterlockedExchangeAdd64((volatile __int64 *)value, 1); }
static inline void ck_store(int64_t *value, int64_t to) { _InterlockedExchange64((volatile __int64 *)value, to); }
static inline int64_t ck_load(const int64_t *value)
{
    return _InterlockedCompareExchange64((volatile __int64 *)value, 0, 0);
}
#endif

/* A breath within a loop that waits for another thread's write. */
static inline void ck_pause(void)
{
#if defined(_MSC_VER)
    YieldProcessor();
#elif defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}

/* --- Locks, conditions, threads ---------------------------------------------------------------------------- */

/* Helpers need little: kernels work in the caller's arena. Some systems' own default (128 KB) is too tight all the
 * same, others' (8 MB) a waste of address space. */
enum { CK_STACK_BYTES = 1 << 20 };

#if defined(_WIN32)

#define CK_THREADS_NAME "Windows threads"
typedef SRWLOCK ck_mutex;
typedef CONDITION_VARIABLE ck_condition;
#define CK_MUTEX_INIT SRWLOCK_INIT
#define CK_CONDITION_INIT CONDITION_VARIABLE_INIT

static inline void ck_lock(ck_mutex *mutex) { AcquireSRWLockExclusive(mutex); }
static inline void ck_unlock(ck_mutex *mutex) { ReleaseSRWLockExclusive(mutex); }
static inline void ck_wait(ck_condition *c, ck_mutex *mutex) { SleepConditionVariableSRW(c, mutex, INFINITE, 0); }
static inline void ck_signal(ck_condition *condition) { WakeConditionVariable(condition); }
static inline void ck_broadcast(ck_condition *condition) { WakeAllConditionVariable(condition); }

typedef DWORD ck_thread_result;
#define CK_THREAD_CALL WINAPI
static inline int ck_thread_start(ck_thread_result(CK_THREAD_CALL *body)(void *))
{
    HANDLE thread = CreateThread(NULL, CK_STACK_BYTES, body, NULL, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!thread) return -1;
    CloseHandle(thread);
    return 0;
}

#else

#define CK_THREADS_NAME "POSIX threads"
typedef pthread_mutex_t ck_mutex;
typedef pthread_cond_t ck_condition;
#define CK_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER
#define CK_CONDITION_INIT PTHREAD_COND_INITIALIZER

static inline void ck_lock(ck_mutex *mutex) { pthread_mutex_lock(mutex); }
static inline void ck_unlock(ck_mutex *mutex) { pthread_mutex_unlock(mutex); }
static inline void ck_wait(ck_condition *condition, ck_mutex *mutex) { pthread_cond_wait(condition, mutex); }
static inline void ck_signal(ck_condition *condition) { pthread_cond_signal(condition); }
static inline void ck_broadcast(ck_condition *condition) { pthread_cond_broadcast(condition); }

static inline sigset_t ck_signals_but_faults(void)
{
    sigset_t signals;
    sigfillset(&signals);
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (int i = 0; i < 4; i++) sigdelset(&signals, faults[i]);
    return signals;
}

typedef void *ck_thread_result;
#define CK_THREAD_CALL
/* Detached, and deaf to signals but those of its own faults: the others are for the threads of the program. */
static inline int ck_thread_start(ck_thread_result (*body)(void *))
{
    pthread_attr_t attributes;
    pthread_t thread;
    const sigset_t all = ck_signals_but_faults();
    sigset_t before;
    if (pthread_attr_init(&attributes) != 0) return -1;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, CK_STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&thread, &attributes, body, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed ? -1 : 0;
}

#endif

/* --- Libraries --------------------------------------------------------------------------------------------- */

/* The file that holds a function of a shared library, and what else that library has by this name; or NULL. */
#if defined(_WIN32)
static inline HMODULE ck_library_of(ck_function function)
{
    HMODULE library = NULL;
    const DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    return GetModuleHandleExA(flags, (const char *)function, &library) ? library : NULL;
}
static inline const char *ck_library_file(ck_function function)
{
    static char file[MAX_PATH];
    const HMODULE library = ck_library_of(function);
    return library && GetModuleFileNameA(library, file, MAX_PATH) > 0 ? file : NULL;
}
static inline ck_function ck_symbol_beside(ck_function function, const char *name)
{
    const HMODULE library = ck_library_of(function);
    return library ? (ck_function)GetProcAddress(library, name) : NULL;
}
#else
static inline const char *ck_library_file(ck_function function)
{
    Dl_info info;
    return dladdr((const void *)function, &info) != 0 ? info.dli_fname : NULL;
}
static inline ck_function ck_symbol_beside(ck_function function, const char *name)
{
    const char *file = ck_library_file(function);
    void *library = file ? dlopen(file, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    if (!library) return NULL;
    const ck_function symbol = (ck_function)dlsym(library, name);
    dlclose(library); /* it stays: this library needs it */
    return symbol;
}
#endif

/* For debuggers and `top`: at most 15 characters. */
static inline void ck_name_this_thread(const char *name)
{
#if defined(__linux__)
    prctl(PR_SET_NAME, name, 0, 0, 0);
#elif defined(__APPLE__)
    pthread_setname_np(name);
#else
    (void)name;
#endif
}

#endif
