"""What will a bill cycle come to, judged by the subscriber's own rhythm?"""
