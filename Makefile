# Every target takes care of what it needs; there is nothing to prepare.
.DEFAULT_GOAL := help
.PHONY: help run test lint format bench show-main show-channels show-delivery show-cases clean
SHOW = scripts/setup dev && CHROMIUM="$$(scripts/provide chromium)" && export CHROMIUM && \
	exec scripts/postgres run -- .venv/bin/python -m

help:  ## 显示这张表
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run:  ## 启动演示街道：网页、定时任务、沙盒省平台，Ctrl-C 全部结束（PORT、MINPING_HOME、MINPING_PROVINCE 可改）
	@scripts/setup run && exec .venv/bin/minping serve --demo --story

test:  ## 规范、类型、引用方向，以及 SQLite 和 PostgreSQL 上的全部测试
	@exec scripts/test

lint:  ## 只查规范、类型和引用方向
	@exec scripts/test lint

format:  ## 按规范整理代码
	@scripts/setup dev && .venv/bin/ruff check --fix-only --quiet . scripts/postgres; \
	exec .venv/bin/ruff format . scripts/postgres

bench:  ## 测速：评价、导入、默认、工作台，同一次运行里与数据库本身的提交速度相比
	@scripts/setup dev && exec scripts/postgres run -- .venv/bin/python -m bench

show-main:  ## 当面演示：真实留言、整条流程、停机与断电，最后给出一张表
	@$(SHOW) tests.show.main

show-channels:  ## 当面演示：每条渠道从服务结束到省平台
	@$(SHOW) tests.show.channels

show-delivery:  ## 当面演示上送：停机三天、国密互通、两族省平台、逐个编号的失败（MINPING_SHOW_SERVICES 可改规模）
	@$(SHOW) tests.show.delivery

show-cases:  ## 当面演示差评件：逐项生成的测试、时限、申诉与撤销、同一秒两人办同一件
	@$(SHOW) tests.show.cases

clean:  ## 删除可以重做的文件（虚拟环境、缓存）；.minping 里的数据和密钥不动
	@rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
