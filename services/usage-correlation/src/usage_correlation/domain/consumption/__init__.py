"""What has a subscription used and spent in a bill cycle, record by record and counter by counter?"""
